/**
 * The pre-tokeniser of Qwen2 and dots.llm1 in the dialect of tokenizer.json (Oniguruma). Source: Qwen2's published
 * tokenizer.json.
 */
const PIECE_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

export interface TokenizerFileContents {
  /** Byte-alphabet spelling of ids 0, 1, 2, … */
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
  /** Take the ids after `tokens`, in this order. */
  readonly specialTokens: readonly string[];
  readonly normalizeNfc: boolean;
}

/** The text of a tokenizer.json in the form of Qwen2's, readable by Hugging Face `tokenizers`. */
export function writeTokenizerJson(contents: TokenizerFileContents): string {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
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
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PIECE_PATTERN }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: byteLevel,
    decoder: byteLevel,
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
