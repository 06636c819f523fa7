/** The tokenizer that a GGUF file carries in its metadata. */
import { UnsupportedError } from '../core/errors.ts';
import {
  findBoolean,
  findNumber,
  findNumberArray,
  findString,
  findStringArray,
  type GgufMetadata,
  getStringArray,
} from '../format/gguf-values.ts';
import { preTokenizerByName } from './pre-tokenizer.ts';
import { resolveSpecialTokens } from './special-tokens.ts';
import { createTokenizer, type Tokenizer, type TokenizerOptions } from './tokenizer.ts';
import { Vocabulary } from './vocabulary.ts';

/**
 * Undefined for a file without a tokenizer. No normaliser: GGUF has no key for one. Throws `UnsupportedError` for other
 * kinds than byte-level BPE, `FormatError` for tables that don't fit each other.
 */
export function tokenizerFromGguf(
  metadata: GgufMetadata,
  options: TokenizerOptions = {},
): Tokenizer | undefined {
  const model = findString(metadata, 'tokenizer.ggml.model');
  if (!metadata.has('tokenizer.ggml.tokens') || model === 'none' || model === 'no_vocab') return undefined;
  if (model !== 'gpt2') {
    throw new UnsupportedError(
      `Cannot read a tokenizer of kind "${model}": only byte-level BPE ("gpt2") is supported`,
      {
        code: 'unsupported-tokenizer',
        hint: 'dots.llm1 files have tokenizer.ggml.model = gpt2; convert the model again',
      },
    );
  }
  const vocabulary = new Vocabulary(
    getStringArray(metadata, 'tokenizer.ggml.tokens'),
    findNumberArray(metadata, 'tokenizer.ggml.token_type'),
  );
  return createTokenizer({
    vocabulary,
    merges: findStringArray(metadata, 'tokenizer.ggml.merges') ?? [],
    preTokenizer: preTokenizerByName(findString(metadata, 'tokenizer.ggml.pre'), options.onWarning),
    special: resolveSpecialTokens(
      {
        bos: findNumber(metadata, 'tokenizer.ggml.bos_token_id'),
        addBos: findBoolean(metadata, 'tokenizer.ggml.add_bos_token'),
        eos: [
          findNumber(metadata, 'tokenizer.ggml.eos_token_id'),
          findNumber(metadata, 'tokenizer.ggml.eot_token_id'),
          findNumber(metadata, 'tokenizer.ggml.eom_token_id'),
        ],
        pad: findNumber(metadata, 'tokenizer.ggml.padding_token_id'),
      },
      vocabulary,
    ),
  });
}
