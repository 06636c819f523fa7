/** Classes of UTF-16 units that the rules ask for millions of times: one bit each in a table that is made on first use. */

export const SPACE = 1;
export const LETTER = 2;
/** Lower case, and letters of scripts without case. */
export const LOWER = 4;
/** Upper case, and letters of scripts without case. */
export const UPPER = 8;
export const DIGIT = 16;
/** General category P. */
export const PUNCTUATION = 32;
/** Quotation marks and brackets of East Asian text. */
export const QUOTE = 64;
/** Pictures, dingbats, arrows: general category So. */
export const ICON = 128;
/** A word of its own at the start of a word. */
export const PREFIX = 256;
/** A word of its own at the end of a word. */
export const SUFFIX = 512;
export const HAN = 1024;
/** Ends a sentence: Unicode's Sentence_Terminal. */
export const SENTENCE_END = 2048;
/** Punctuation, symbols, controls: a word of these only is none. */
export const SYMBOL = 4096;
export const CURRENCY = 8192;

const QUOTES = '\'"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉〈〉⟦⟧';
const POINTS = '…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪';
const PREFIXES = '§%=—–';
const SUFFIXES = '—–';

/** White space, and the separators of ASCII and Latin-1 that Python counts as such. */
const isSpace = (unit: number): boolean =>
  (unit >= 0x1c && unit <= 0x1f) || unit === 0x85 || /\s/.test(String.fromCharCode(unit));

let table: Uint16Array | undefined;

/** The classes of each UTF-16 unit; a surrogate has those of most characters beyond the BMP that occur in text: ICON. */
export function characterClasses(): Uint16Array {
  if (table) return table;
  const classes = new Uint16Array(0x10000);
  const patterns: readonly (readonly [RegExp, number])[] = [
    [/\p{L}/u, LETTER],
    [/[\p{Ll}\p{Lo}]/u, LOWER],
    [/[\p{Lu}\p{Lo}]/u, UPPER],
    [/[0-9]/, DIGIT],
    [/\p{P}/u, PUNCTUATION],
    [/\p{So}/u, ICON],
    [/\p{Script=Han}/u, HAN],
    [/\p{Sentence_Terminal}/u, SENTENCE_END],
    [/[\p{P}\p{S}\p{Cc}]/u, SYMBOL],
    [/\p{Sc}/u, CURRENCY],
  ];
  for (let unit = 0; unit < 0x10000; unit++) {
    const character = String.fromCharCode(unit);
    let bits = isSpace(unit) ? SPACE : 0;
    for (const [pattern, bit] of patterns) if (pattern.test(character)) bits |= bit;
    if (unit >= 0xd800 && unit < 0xe000) bits |= ICON | SYMBOL;
    if (QUOTES.includes(character)) bits |= QUOTE | PREFIX | SUFFIX;
    if (POINTS.includes(character)) bits |= PREFIX | SUFFIX;
    if (PREFIXES.includes(character)) bits |= PREFIX;
    if (SUFFIXES.includes(character)) bits |= SUFFIX;
    if (bits & ICON) bits |= PREFIX | SUFFIX;
    if (bits & CURRENCY) bits |= PREFIX;
    classes[unit] = bits;
  }
  // To Unicode, a byte order mark is not a space.
  classes[0xfeff] &= ~SPACE;
  table = classes;
  return classes;
}

/** Whether `unit` is the first half of a character beyond the BMP. */
export function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

/** Length in code points. */
export function countCharacters(text: string): number {
  let count = text.length;
  for (let i = 0; i + 1 < text.length; i++) {
    if (!isHighSurrogate(text.charCodeAt(i))) continue;
    if ((text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      count--;
      i++;
    }
  }
  return count;
}
