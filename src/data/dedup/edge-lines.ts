/**
 * Line-wise deduplication across documents (report §4.1, step 5): menus and advertisements repeat in the first and last
 * lines of many pages. Of a line that occurs more than `maxOccurrences` times, only its first occurrences stay.
 *
 * What the report leaves open: a line is what `\n` separates, empty ones included when the first and last five are taken;
 * lines are compared without spaces at their ends (so `\r\n` does not matter); in a document of fewer than ten lines each
 * line counts once; a line that a document holds twice counts twice; only those positions are deleted, never an equal
 * line between them.
 */
import { createHash } from 'node:crypto';

/** Lines at each end of a document. */
export const NUM_EDGE_LINES = 5;
/** Occurrences of a line that stay. */
export const MAX_LINE_OCCURRENCES = 200;

export interface EdgeLine {
  /** Which line of the document, from 0. */
  readonly position: number;
  /** First 64 bits of the MD5 of the trimmed line, as 16 hexadecimal digits. */
  readonly hash: string;
  /** Its place in the text, without the line break. */
  readonly start: number;
  readonly end: number;
}

const HAS_LETTER_OR_NUMBER = /[\p{L}\p{N}]/u;

/**
 * The first and last `numLines` lines of a document, in order, each once; without those that are empty or hold only
 * symbols. Reads the ends only, however long the text is.
 */
export function edgeLines(text: string, numLines: number = NUM_EDGE_LINES): EdgeLine[] {
  const head: { start: number; end: number }[] = [];
  for (let start = 0; head.length < numLines && start <= text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    head.push({ start, end });
    start = end + 1;
  }
  const headEnd = head.length === 0 ? 0 : head[head.length - 1].end + 1;
  const tail: { start: number; end: number }[] = [];
  for (let end = text.length; tail.length < numLines && end >= headEnd; ) {
    // lastIndexOf takes a negative position for 0.
    const start = end === 0 ? 0 : text.lastIndexOf('\n', end - 1) + 1;
    tail.unshift({ start, end });
    end = start - 1;
  }
  const numBetween = tail.length === 0 ? 0 : countBreaks(text, headEnd, tail[0].start);
  return [...head, ...tail].flatMap(({ start, end }, i) => {
    const line = text.slice(start, end).trim();
    if (!HAS_LETTER_OR_NUMBER.test(line)) return [];
    const position = i < head.length ? i : i + numBetween;
    const hash = createHash('md5').update(line, 'utf8').digest('hex').slice(0, 16);
    return [{ position, hash, start, end }];
  });
}

function countBreaks(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** The text without these lines and their line breaks; the very same string where there are none. */
export function withoutLines(text: string, lines: readonly EdgeLine[]): string {
  if (lines.length === 0) return text;
  let result = '';
  let at = 0;
  for (const { start, end } of [...lines].sort((a, b) => a.start - b.start)) {
    result += text.slice(at, start);
    at = end + 1;
  }
  result += text.slice(at);
  // The last line has no break of its own: the one before it goes instead.
  return at > text.length && result.endsWith('\n') ? result.slice(0, -1) : result;
}

/** Hashes of lines and how often documents of earlier batches held them. */
export type LineCounts = Iterable<readonly [hash: string, count: number]>;

/**
 * Counts and deletes in one pass over documents in a fixed order: the same result as counting all of them first. Grows
 * with the number of distinct lines; the plan's steps count in SQL instead and use `edgeLines` and `withoutLines`.
 */
export class EdgeLineFilter {
  private readonly counts: Map<string, number>;
  private readonly maxOccurrences: number;
  private readonly numLines: number;

  constructor(
    options: {
      readonly maxOccurrences?: number;
      readonly numLines?: number;
      /** Of earlier batches, from `entries()`. */
      readonly carried?: LineCounts;
    } = {},
  ) {
    this.maxOccurrences = options.maxOccurrences ?? MAX_LINE_OCCURRENCES;
    this.numLines = options.numLines ?? NUM_EDGE_LINES;
    this.counts = new Map(options.carried);
  }

  /** The document as it stays, and the lines that it lost. */
  filter(text: string): { readonly text: string; readonly removed: readonly EdgeLine[] } {
    const removed = edgeLines(text, this.numLines).filter(({ hash }) => {
      const count = (this.counts.get(hash) ?? 0) + 1;
      this.counts.set(hash, count);
      return count > this.maxOccurrences;
    });
    return { text: withoutLines(text, removed), removed };
  }

  /** All counts, for the next batch. */
  entries(): IterableIterator<[string, number]> {
    return this.counts.entries();
  }
}
