/** How text is cut before merging, as data: what a tokenizer's file says, and what conversion writes. */

/** What becomes of the matches of a pattern and of the text between them, in the words of `tokenizer.json`. */
export type SplitBehavior = 'Isolated' | 'Contiguous' | 'MergedWithPrevious' | 'MergedWithNext';

/** Cuts each piece that the steps before it left; the pattern sees one piece, whose end is the end of the text. */
export interface SplitStep {
  /** In Oniguruma's spelling, as in `tokenizer.json`. */
  readonly pattern: string;
  readonly behavior: SplitBehavior;
}

/** Every match of `pattern` is a piece, and so is all text between two matches. */
export function isolate(pattern: string): SplitStep {
  return { pattern, behavior: 'Isolated' };
}

/** Qwen2's pattern where a piece of digits is `number`. Source: the published tokenizer.json of Qwen2 and Llama 3. */
function letterPattern(number: string): string {
  return (
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${number}` +
    String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  );
}

export const QWEN2_PATTERN = letterPattern(String.raw`\p{N}`);
export const LLAMA3_PATTERN = letterPattern(String.raw`\p{N}{1,3}`);
/** What `ByteLevel` in `tokenizer.json` means by `use_regex`. Source: GPT-2. */
export const GPT2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
