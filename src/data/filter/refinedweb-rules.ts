/** Line rules of RefinedWeb (Penedo et al. 2023, appendix G.2): what page furniture leaves in extracted text. */
import { characterClasses, countCharacters, DIGIT, HAN, LETTER, SPACE, SYMBOL } from './characters.ts';
import type { DocumentRule, LineRule } from './rule.ts';

const SOURCE = 'Penedo et al. 2023';

const COUNTER =
  /^\W*\d[\d.,]*\s?[kKmM]?\s(?:likes?|comments?|shares?|views?|reads?|retweets?|followers?|following|repl(?:y|ies)|posts?|points?|votes?|downloads?|reviews?|ratings?|subscribers?|members?)\W*$/i;
const HAN_COUNTER =
  /^\D{0,6}\d[\d.,]*\s?[万千]?\s?(?:次|条|人|个)?\s?(?:阅读|浏览|评论|回复|点赞|赞|收藏|转发|分享|播放|关注|粉丝|下载|点击)\D{0,3}$/;

const LETTERS_PATTERN = /[a-z]/;

function isMostlyUpperCase(line: string, limit: number): boolean {
  // Without a lower-case letter at all is the usual case, and quickly seen.
  let numUpper = 0;
  let numLetters = 0;
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i);
    const isUpper = unit >= 0x41 && unit <= 0x5a;
    if (isUpper) numUpper++;
    if (isUpper || (unit >= 0x61 && unit <= 0x7a) || unit >= 0xc0) numLetters++;
  }
  return numLetters > 1 && numUpper > limit * numLetters;
}

function isNumeric(line: string): boolean {
  const classes = characterClasses();
  let hasDigit = false;
  for (let i = 0; i < line.length; i++) {
    const bits = classes[line.charCodeAt(i)];
    if (bits & DIGIT) hasDigit = true;
    else if (!(bits & (SPACE | SYMBOL))) return false;
  }
  return hasDigit;
}

function isSingleWord(line: string): boolean {
  if (/\s/.test(line)) return false;
  const classes = characterClasses();
  // Chinese has no spaces: its short lines are C4's business.
  for (let i = 0; i < line.length; i++) if (classes[line.charCodeAt(i)] & HAN) return false;
  return LETTERS_PATTERN.test(line.toLowerCase()) || (classes[line.charCodeAt(0)] & LETTER) !== 0;
}

export const REFINEDWEB_LINES: readonly LineRule[] = [
  {
    name: 'line-is-mostly-upper-case',
    family: 'refinedweb',
    measures: 'share of capitals among letters',
    removes: isMostlyUpperCase,
    limits: { spaced: 0.5 },
    source: SOURCE,
  },
  {
    name: 'line-is-a-number',
    family: 'refinedweb',
    measures: 'digits, punctuation and symbols only',
    removes: isNumeric,
    limits: { spaced: 1, han: 1 },
    source: SOURCE,
  },
  {
    name: 'line-is-a-counter',
    family: 'refinedweb',
    measures: 'such as `3 likes`, `128 次阅读`',
    removes: (line) => line.length <= 60 && (COUNTER.test(line) || HAN_COUNTER.test(line)),
    limits: { spaced: 1, han: 1 },
    source: SOURCE,
  },
  {
    name: 'line-is-a-single-word',
    family: 'refinedweb',
    measures: 'no space between letters',
    removes: (line) => countCharacters(line) <= 100 && isSingleWord(line),
    limits: { spaced: 1 },
    source: SOURCE,
  },
];

/** Asked after the lines are gone. */
export const REFINEDWEB_DOCUMENTS: readonly DocumentRule[] = [
  {
    name: 'too-much-text-in-removed-lines',
    family: 'refinedweb',
    measures: 'share of words in lines that the rules of this family removed; of characters in Chinese',
    measure: (_facts, { removedShare }) => removedShare,
    removes: 'above',
    limits: { spaced: 0.05, han: 0.05 },
    source: SOURCE,
  },
];
