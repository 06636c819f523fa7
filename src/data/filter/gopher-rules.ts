/** Quality and repetition rules of Gopher (Rae et al. 2021, appendix A), and counterparts for Chinese. */
import type { DocumentFacts, WordFacts } from './document-facts.ts';
import type { DocumentRule, Limits, RuleContext } from './rule.ts';

const SOURCE = 'Rae et al. 2021';
/** A word of Chinese has about this many characters: runs of n words are compared as runs of 1.6 n characters. */
const CHARACTERS_PER_WORD = 1.6;

const wordsOf = (facts: DocumentFacts, { stopWords }: RuleContext): WordFacts =>
  facts.wordFacts(stopWords[facts.script]);
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
const both = (limit: number): Limits => ({ spaced: limit, han: limit });

const BULLET = /^\s*[•·●■◆▪‣*-]/;
/** What Gopher counts as a bullet; `*` and others are added for Chinese lists only. */
const PLAIN_BULLET = /^\s*[•-]/;
const ENDS_WITH_ELLIPSIS = /(?:\.\.\.|…)\s*$/;

/** Lines end as Python's `splitlines` has it, which the published figures were made with. */
const SEPARATORS = String.fromCharCode(0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029);
const LINE_BREAKS = new RegExp(`\\r\\n|[\\n\\r\\v\\f${SEPARATORS}]`);

function shareOfLines(facts: DocumentFacts, pattern: RegExp): number {
  const { text } = facts;
  let lines: readonly string[] = HAS_OTHER_BREAKS.test(text) ? text.split(LINE_BREAKS) : facts.lines;
  // A break at the end starts no line.
  if (lines.length > 1 && lines[lines.length - 1] === '') lines = lines.slice(0, -1);
  let count = 0;
  for (const line of lines) if (pattern.test(line)) count++;
  return ratio(count, lines.length);
}

const HAS_OTHER_BREAKS = new RegExp(`[\\r\\v\\f${SEPARATORS}]`);

function countOf(text: string, piece: string): number {
  let count = 0;
  for (let at = text.indexOf(piece); at >= 0; at = text.indexOf(piece, at + piece.length)) count++;
  return count;
}

const quality: readonly Omit<DocumentRule, 'family' | 'source'>[] = [
  {
    name: 'too-few-words',
    measures: 'words; characters of Chinese',
    measure: (facts, context) => wordsOf(facts, context).numWords,
    removes: 'below',
    limits: { spaced: 50, han: 100 },
  },
  {
    name: 'too-many-words',
    measures: 'words; characters of Chinese',
    measure: (facts, context) => wordsOf(facts, context).numWords,
    removes: 'above',
    limits: { spaced: 100_000, han: 200_000 },
  },
  {
    name: 'words-too-short',
    measures: 'mean characters of a word',
    measure: (facts, context) => {
      const { numWords, numWordCharacters } = wordsOf(facts, context);
      return ratio(numWordCharacters, numWords);
    },
    removes: 'below',
    limits: { spaced: 3 },
  },
  {
    name: 'words-too-long',
    measures: 'mean characters of a word',
    measure: (facts, context) => {
      const { numWords, numWordCharacters } = wordsOf(facts, context);
      return ratio(numWordCharacters, numWords);
    },
    removes: 'above',
    limits: { spaced: 10 },
  },
  {
    name: 'too-many-hashes',
    measures: '`#` for each word',
    measure: (facts, context) => ratio(countOf(facts.text, '#'), wordsOf(facts, context).numTokens),
    removes: 'above',
    limits: { spaced: 0.1, han: 0.05 },
  },
  {
    name: 'too-many-ellipses',
    measures: 'ellipses for each word',
    measure: (facts, context) =>
      ratio(countOf(facts.text, '...') + countOf(facts.text, '…'), wordsOf(facts, context).numTokens),
    removes: 'above',
    limits: { spaced: 0.1, han: 0.05 },
  },
  {
    name: 'too-many-bullet-lines',
    measures: 'share of lines that start with a bullet',
    measure: (facts) => shareOfLines(facts, facts.script === 'han' ? BULLET : PLAIN_BULLET),
    removes: 'above',
    limits: both(0.9),
  },
  {
    name: 'too-many-ellipsis-lines',
    measures: 'share of lines that end with an ellipsis',
    measure: (facts) => shareOfLines(facts, ENDS_WITH_ELLIPSIS),
    removes: 'above',
    limits: both(0.3),
  },
  {
    name: 'too-few-words-with-letters',
    measures: 'share of words with a letter, punctuation counted as words',
    measure: (facts, context) => {
      const { numTokens, numWithLetter } = wordsOf(facts, context);
      return ratio(numWithLetter, numTokens);
    },
    removes: 'below',
    limits: both(0.8),
  },
  {
    name: 'too-few-stop-words',
    measures: 'different stop words',
    measure: (facts, context) => wordsOf(facts, context).numStopWords,
    removes: 'below',
    limits: both(2),
  },
];

const repetition: readonly Omit<DocumentRule, 'family' | 'source' | 'removes'>[] = [
  {
    name: 'too-many-duplicate-paragraphs',
    measures: 'share of paragraphs that occurred before',
    measure: ({ duplicateParagraphs: { count, total } }) => ratio(count, total),
    limits: both(0.3),
  },
  {
    name: 'too-much-text-in-duplicate-paragraphs',
    measures: 'share of characters',
    measure: ({ duplicateParagraphs, numCharacters }) => ratio(duplicateParagraphs.characters, numCharacters),
    limits: both(0.2),
  },
  {
    name: 'too-many-duplicate-lines',
    measures: 'share of lines that occurred before',
    measure: ({ duplicateLines, numDuplicateLineParts }) =>
      ratio(duplicateLines.count, numDuplicateLineParts),
    limits: both(0.3),
  },
  {
    name: 'too-much-text-in-duplicate-lines',
    measures: 'share of characters',
    measure: ({ duplicateLines, numCharacters }) => ratio(duplicateLines.characters, numCharacters),
    limits: both(0.2),
  },
  ...[
    [2, 0.2],
    [3, 0.18],
    [4, 0.16],
  ].map(([n, limit]) => ({
    name: `too-much-text-in-top-${n}-gram`,
    measures: `share of characters in the most frequent run of ${n} words`,
    measure: (facts: DocumentFacts): number =>
      ratio(facts.grams.topCharacters(runLength(facts, n)), facts.numCharacters),
    limits: both(limit),
  })),
  ...[
    [5, 0.15],
    [6, 0.14],
    [7, 0.13],
    [8, 0.12],
    [9, 0.11],
    [10, 0.1],
  ].map(([n, limit]) => ({
    name: `too-much-text-in-duplicate-${n}-grams`,
    measures: `share of characters in runs of ${n} words that occurred before`,
    measure: (facts: DocumentFacts): number =>
      ratio(facts.grams.duplicateCharacters(runLength(facts, n)), facts.numCharacters),
    limits: both(limit),
  })),
];

function runLength(facts: DocumentFacts, n: number): number {
  return facts.script === 'han' ? Math.round(CHARACTERS_PER_WORD * n) : n;
}

export const GOPHER_REPETITION: readonly DocumentRule[] = repetition.map((rule) => ({
  ...rule,
  family: 'gopher-repetition',
  removes: 'above',
  source: SOURCE,
}));

export const GOPHER_QUALITY: readonly DocumentRule[] = quality.map((rule) => ({
  ...rule,
  family: 'gopher-quality',
  source: SOURCE,
}));
