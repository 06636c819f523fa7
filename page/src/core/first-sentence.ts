import { splitReasoning } from './reasoning.ts';

/** A longer sentence is cut, at a word. */
const MOST_CHARACTERS = 160;
/** A first sentence is expected within so many characters. */
const LOOKED_AT = 4000;

/** The first sentence of a markdown text as one hears it: without marks, code blocks and reasoning. */
export function firstSentence(markdown: string): string {
  const text = splitReasoning(markdown)
    .answer.slice(0, LOOKED_AT)
    .replace(/^(```|~~~)[\s\S]*?^\1.*$/gm, '')
    .replace(/^(```|~~~)[\s\S]*/m, '')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^ {0,3}(#{1,6}|>|[-*+]|\d+[.)])\s+/gm, '')
    .replace(/[*_`~$|]+/g, '');
  const paragraph = text
    .split(/\n{2,}/)
    .map((part) => part.trim())
    .find((part) => /[\p{L}\p{N}]/u.test(part));
  if (!paragraph) return '';
  const [first] = new Intl.Segmenter(undefined, { granularity: 'sentence' }).segment(paragraph);
  const sentence = first.segment.replace(/\s+/g, ' ').trim();
  if (sentence.length <= MOST_CHARACTERS) return sentence;
  return `${sentence.slice(0, MOST_CHARACTERS).replace(/\s\S*$/, '')}…`;
}
