/** The tokenizer that a GGUF file carries in its metadata. */
import { FormatError, UnsupportedError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import {
  findBoolean,
  findNumber,
  findNumberArray,
  findString,
  findStringArray,
  type GgufMetadata,
  getStringArray,
} from '../format/gguf-values.ts';
import { createPreTokenizer } from './pre-tokenizer.ts';
import { type NamedPreTokenizer, preTokenizerByName } from './pre-tokenizer-names.ts';
import { resolveSpecialTokens } from './special-tokens.ts';
import { createTokenizer, type Tokenizer, type TokenizerOptions, type TokenizerSource } from './tokenizer.ts';
import { TOKEN_NORMAL, Vocabulary } from './vocabulary.ts';

/** As `readGgufTokenizer`, made. */
export function tokenizerFromGguf(
  metadata: GgufMetadata,
  options: TokenizerOptions = {},
): Tokenizer | undefined {
  const source = readGgufTokenizer(metadata, options);
  return source && createTokenizer(source);
}

/** Ours: GGUF has no key for the normaliser, without which text that is not composed gets other ids. */
export const NORMALIZER_KEY = 'dots.tokenizer.normalizer';

/**
 * Undefined for a file without a tokenizer. A file that has no `NORMALIZER_KEY` is read as others do, without. Throws
 * `UnsupportedError` for other kinds than byte-level BPE and for unknown pre-tokenizers, `FormatError` for tables that don't
 * fit each other.
 */
export function readGgufTokenizer(
  metadata: GgufMetadata,
  options: TokenizerOptions = {},
): TokenizerSource | undefined {
  const model = findString(metadata, 'tokenizer.ggml.model');
  if (!metadata.has('tokenizer.ggml.tokens') || model === 'none' || model === 'no_vocab') return undefined;
  if (model !== 'gpt2') {
    throw new UnsupportedError(
      `Cannot read a tokenizer of kind "${model}": only byte-level BPE ("gpt2") is supported`,
      {
        code: 'unsupported-tokenizer',
        hint:
          model === 'llama'
            ? 'this is a SentencePiece tokenizer, as of Llama 2, Mistral and Gemma; models since Llama 3 have byte-level BPE'
            : 'take a model with byte-level BPE: dots.llm1, Qwen, Llama 3, SmolLM',
      },
    );
  }
  const vocabulary = new Vocabulary(
    getStringArray(metadata, 'tokenizer.ggml.tokens'),
    findNumberArray(metadata, 'tokenizer.ggml.token_type'),
  );
  const merges = findStringArray(metadata, 'tokenizer.ggml.merges') ?? [];
  if (merges.length === 0) refuseWithoutMerges(vocabulary);
  const named = findPreTokenizer(metadata, options);
  const id = (role: string): number | undefined => findNumber(metadata, `tokenizer.ggml.${role}_token_id`);
  const declared = {
    bos: id('bos'),
    addBos: findBoolean(metadata, 'tokenizer.ggml.add_bos_token') ?? named.addBos ?? false,
    eos: [id('eos'), id('eot'), id('eom')].filter((end) => end !== undefined),
    pad: id('padding'),
  };
  const normalizer = readNormalizer(metadata);
  return {
    vocabulary,
    merges,
    preTokenizer: createPreTokenizer(named.steps),
    ignoreMerges: named.ignoreMerges ?? false,
    prefixSpace: findBoolean(metadata, 'tokenizer.ggml.add_space_prefix') ?? false,
    ...(normalizer === 'nfc' && { normalizer }),
    jsonNormalizer: normalizer === undefined ? named.normalizer : normalizer === 'nfc' ? 'nfc' : undefined,
    isNormalizerGuessed: normalizer === undefined && named.normalizer !== undefined,
    declared,
    special: resolveSpecialTokens(declared, vocabulary),
  };
}

/** Only a vocabulary of single bytes works without: the text of any other would become bytes. */
function refuseWithoutMerges(vocabulary: Vocabulary): void {
  const count = vocabulary.idsOfKind(TOKEN_NORMAL).filter((id) => vocabulary.bytesOf(id).length > 1).length;
  if (count === 0) return;
  throw new FormatError(
    `Cannot use the tokenizer: it has ${formatCount(count)} tokens of more than one byte, and no merges that make them`,
    {
      code: 'bad-vocabulary',
      hint: 'the conversion left tokenizer.ggml.merges out; convert the model again',
    },
  );
}

function readNormalizer(metadata: GgufMetadata): 'nfc' | 'none' | undefined {
  const name = findString(metadata, NORMALIZER_KEY);
  if (name === undefined || name === 'nfc' || name === 'none') return name;
  throw new UnsupportedError(
    `Cannot prepare text as this model's tokenizer does: the normaliser "${name}" is not known`,
    {
      code: 'unsupported-tokenizer',
      hint: 'use the release of dots.ts that wrote the file, or a newer one',
    },
  );
}

/**
 * A file that names none gets what llama.cpp calls "default", but for dots1, whose files all have Qwen2's vocabulary: the
 * default would cut digits otherwise.
 */
function findPreTokenizer(metadata: GgufMetadata, { onWarning }: TokenizerOptions): NamedPreTokenizer {
  const name = findString(metadata, 'tokenizer.ggml.pre');
  const isDots1 = findString(metadata, 'general.architecture') === 'dots1';
  const chosen = isDots1 && (name === undefined || name === 'default') ? 'qwen2' : (name ?? 'default');
  if (chosen !== name)
    onWarning?.(
      `the file names ${name === undefined ? 'no pre-tokenizer' : `the pre-tokenizer "${name}"`}; using ${chosen}'s`,
    );
  return preTokenizerByName(chosen);
}
