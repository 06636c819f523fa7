/** Rules of C4 (Raffel et al. 2020) and of FineWeb (Penedo et al. 2024). */
import { characterClasses, countCharacters, SPACE } from './characters.ts';
import type { DocumentRule, LineRule } from './rule.ts';

const C4 = 'Raffel et al. 2020';
const FINEWEB = 'Penedo et al. 2024';

const POLICY = [
  'terms of use',
  'privacy policy',
  'cookie policy',
  'uses cookies',
  'use of cookies',
  'use cookies',
];
const HAN_POLICY = [
  '隐私政策',
  '隐私权政策',
  '使用条款',
  '服务条款',
  '用户协议',
  '使用cookie',
  '使用 cookie',
];

const ENDS_LINE = /[.?!"']$/;
const ENDS_HAN_LINE = /[.?!"'。？！”’」』；]$/;

/** Marks of references in encyclopaedias: `[12]`, `[edit]`. */
const CITATION = /\[\p{Nd}*\]|\[edit\]|\[citation needed\]/gu;

/** A line as the line rules see it: without spaces around it and, apart from the first rule, without citations. */
export function withoutCitations(line: string): string {
  return line.includes('[') ? line.replace(CITATION, '') : line;
}

export const C4_LINES: readonly LineRule[] = [
  {
    name: 'line-has-an-overlong-word',
    family: 'c4',
    measures: 'characters of the longest word',
    removes: (line, limit) =>
      line.length > limit && line.split(/\s+/).some((word) => countCharacters(word) > limit),
    limits: { spaced: 1000, han: 1000 },
    source: C4,
  },
  {
    name: 'line-has-no-end-mark',
    family: 'c4',
    measures: 'a full stop, an exclamation or question mark or a quote at the end',
    removes: (line, _limit, script) =>
      !(script === 'han' ? ENDS_HAN_LINE : ENDS_LINE).test(line) || line.endsWith('...'),
    limits: { spaced: 1, han: 1 },
    source: C4,
    isOff: true,
  },
  {
    name: 'line-has-too-few-words',
    family: 'c4',
    measures: 'words between spaces; Han characters of Chinese',
    removes: (line, limit, script) =>
      script === 'han' ? countCharacters(line) < limit : numWordsBelow(line, limit),
    limits: { spaced: 3, han: 4 },
    source: C4,
  },
  {
    name: 'line-mentions-javascript',
    family: 'c4',
    measures: 'the word',
    removes: (line) => line.toLowerCase().includes('javascript'),
    limits: { spaced: 1, han: 1 },
    source: C4,
  },
  {
    name: 'line-states-a-policy',
    family: 'c4',
    measures: 'phrases of cookie and privacy notices',
    removes: (line, _limit, script) => {
      const lower = line.toLowerCase();
      return (script === 'han' ? HAN_POLICY : POLICY).some((phrase) => lower.includes(phrase));
    },
    limits: { spaced: 1, han: 1 },
    source: C4,
  },
];

function numWordsBelow(line: string, limit: number): boolean {
  const classes = characterClasses();
  let count = 0;
  let isInside = false;
  for (let i = 0; i < line.length; i++) {
    const isSpace = (classes[line.charCodeAt(i)] & SPACE) !== 0;
    if (!isSpace && !isInside && ++count >= limit) return false;
    isInside = !isSpace;
  }
  return true;
}

const has = (text: string, phrase: string): number => (text.toLowerCase().includes(phrase) ? 1 : 0);

/** Asked of the lines that stayed. */
export const C4_DOCUMENTS: readonly DocumentRule[] = [
  {
    name: 'holds-placeholder-text',
    family: 'c4',
    measures: '`lorem ipsum` occurs',
    measure: ({ text }) => has(text, 'lorem ipsum'),
    removes: 'above',
    limits: { spaced: 0, han: 0 },
    source: C4,
  },
  {
    name: 'holds-a-curly-bracket',
    family: 'c4',
    measures: '`{` occurs',
    measure: ({ text }) => (text.includes('{') ? 1 : 0),
    removes: 'above',
    limits: { spaced: 0, han: 0 },
    source: C4,
  },
  {
    name: 'too-few-sentences',
    family: 'c4',
    measures: 'sentences',
    measure: (facts) => facts.numSentences,
    removes: 'below',
    limits: { spaced: 5, han: 3 },
    source: C4,
  },
];

export const FINEWEB_DOCUMENTS: readonly DocumentRule[] = [
  {
    name: 'too-few-lines-with-end-marks',
    family: 'fineweb',
    measures: 'share of lines that end a sentence',
    measure: ({ filledLines }) =>
      filledLines.length === 0
        ? 0
        : filledLines.filter((line) => ENDS_SENTENCE.test(line)).length / filledLines.length,
    removes: 'below',
    limits: { spaced: 0.12, han: 0.12 },
    source: FINEWEB,
  },
  {
    name: 'too-many-short-lines',
    family: 'fineweb',
    measures: 'share of lines of at most 30 characters; 15 of Chinese',
    measure: ({ filledLines, script }) => {
      const longest = script === 'han' ? 15 : 30;
      return filledLines.filter((line) => isAtMost(line, longest)).length / Math.max(1, filledLines.length);
    },
    removes: 'above',
    limits: { spaced: 0.67, han: 0.67 },
    source: FINEWEB,
  },
  {
    name: 'too-much-text-in-repeated-lines',
    family: 'fineweb',
    measures: 'share of characters in lines that occurred before',
    measure: ({ duplicateFilledLines, numCharacters, lines }) =>
      duplicateFilledLines.characters / Math.max(1, numCharacters - lines.length + 1),
    removes: 'above',
    limits: { spaced: 0.01, han: 0.01 },
    source: FINEWEB,
  },
  {
    name: 'too-many-line-breaks',
    family: 'fineweb',
    measures: 'line breaks for each word, punctuation counted as words; for each character of Chinese',
    measure: ({ lines, numTokens }) => (lines.length - 1) / Math.max(1, numTokens),
    removes: 'above',
    limits: { spaced: 0.3, han: 0.15 },
    source: FINEWEB,
  },
];

const ENDS_SENTENCE = /\p{Sentence_Terminal}$/u;

function isAtMost(line: string, numCharacters: number): boolean {
  return (
    line.length <= numCharacters ||
    (line.length <= 2 * numCharacters && countCharacters(line) <= numCharacters)
  );
}
