/**
 * Tokens of a normalised text for near-duplicate detection: what spaces separate, and where a piece has Han characters,
 * the words that jieba finds in it. By script and not by the language of the document, so that a wrong guess of the
 * language does not change what a document is compared by.
 */
import { UnsupportedError } from '../../core/errors.ts';

/** Splits Chinese text into words, all characters kept. */
export interface Segmenter {
  cut(text: string): string[];
}

const HAN = /\p{Script=Han}/u;

/** Longest text that jieba gets at once: it keeps a graph of all words that start at each character. */
const MAX_CUT_UNITS = 8192;

/** `@node-rs/jieba` with its own dictionary, hidden Markov model on. Throws `UnsupportedError` where it is not installed. */
export async function loadJieba(): Promise<Segmenter> {
  // Optional peers: their types may be missing where the package is built from a bundle.
  let library: typeof import('@node-rs/jieba');
  let dictionary: Uint8Array;
  try {
    library = await import('@node-rs/jieba');
    ({ dict: dictionary } = await import('@node-rs/jieba/dict.js'));
  } catch (cause) {
    throw new UnsupportedError(
      'Cannot split Chinese text into words: the package @node-rs/jieba is not installed',
      {
        code: 'missing-package',
        hint: 'npm install @node-rs/jieba',
        cause,
      },
    );
  }
  const jieba = library.Jieba.withDict(dictionary);
  return { cut: (text) => jieba.cut(text, true) };
}

/** Whether `dedupTokens` needs a segmenter for this text. */
export function hasHan(text: string): boolean {
  return HAN.test(text);
}

/**
 * The tokens of N(text), joined by single spaces: what shingles are made of. Throws `UnsupportedError` for Han
 * characters without a segmenter.
 */
export function dedupTokens(normalised: string, segmenter: Segmenter | undefined): string {
  if (!hasHan(normalised)) return normalised;
  if (!segmenter) {
    throw new UnsupportedError('Cannot compare Chinese text: no segmenter was given', {
      code: 'missing-package',
      hint: 'npm install @node-rs/jieba, and pass what loadJieba() returns',
    });
  }
  const tokens: string[] = [];
  for (const part of cutParts(normalised)) {
    for (const token of segmenter.cut(part)) if (token.trim() !== '') tokens.push(token);
  }
  return tokens.join(' ');
}

/** Parts of at most MAX_CUT_UNITS, ended at a space where there is one. */
function* cutParts(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + MAX_CUT_UNITS, text.length);
    if (end < text.length) {
      const space = text.lastIndexOf(' ', end);
      if (space > start) end = space;
      else if (isLowSurrogate(text.charCodeAt(end))) end--;
    }
    yield text.slice(start, end);
    start = end;
  }
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
