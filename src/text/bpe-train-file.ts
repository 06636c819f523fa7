/** The tokenizer.json of a trained vocabulary. */
import { byteLevelJson, preTokenizerToJson } from './pre-tokenizer-json.ts';
import type { SplitStep } from './split-step.ts';

export interface TokenizerFileContents {
  /** Byte-alphabet spelling of ids 0, 1, 2, … */
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
  /** Take the ids after `tokens`, in this order. */
  readonly specialTokens: readonly string[];
  readonly normalizeNfc: boolean;
  readonly steps: readonly SplitStep[];
}

/** The text of a tokenizer.json in the form of Qwen2's, readable by Hugging Face `tokenizers`. */
export function writeTokenizerJson(contents: TokenizerFileContents): string {
  const file = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: contents.specialTokens.map((content, index) => ({
      id: contents.tokens.length + index,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: contents.normalizeNfc ? { type: 'NFC' } : null,
    pre_tokenizer: preTokenizerToJson(contents.steps),
    post_processor: byteLevelJson(),
    decoder: byteLevelJson(),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(contents.tokens.map((token, id) => [token, id])),
      // The space-separated form: older releases of `tokenizers` read only this one.
      merges: contents.merges.map(([left, right]) => `${left} ${right}`),
    },
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}
