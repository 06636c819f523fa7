/** Sets of characters, and how they are written in UTF-8 and in JSON strings. */
import { byte, choice, type Grammar, literal, sequence } from './grammar.ts';

/** Ranges of code points: ascending, apart from each other, both ends included. */
export type CodeSet = readonly (readonly [low: number, high: number])[];

const MAX_CODE_POINT = 0x10ffff;
/** Every character; surrogates are none. */
export const ALL_CODES: CodeSet = [
  [0, 0xd7ff],
  [0xe000, MAX_CODE_POINT],
];

export function unite(sets: readonly CodeSet[]): CodeSet {
  const sorted = sets.flat().sort((a, b) => a[0] - b[0]);
  const united: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = united.at(-1);
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else united.push([low, high]);
  }
  return united;
}

export function intersect(a: CodeSet, b: CodeSet): CodeSet {
  const common: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const low = Math.max(a[i][0], b[j][0]);
    const high = Math.min(a[i][1], b[j][1]);
    if (low <= high) common.push([low, high]);
    if (a[i][1] < b[j][1]) i++;
    else j++;
  }
  return common;
}

export function complement(set: CodeSet): CodeSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [low, high] of set) {
    if (low > next) rest.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= MAX_CODE_POINT) rest.push([next, MAX_CODE_POINT]);
  return intersect(rest, ALL_CODES);
}

/** The characters as UTF-8. */
export function utf8(set: CodeSet): Grammar {
  return choice(
    ...intersect(set, ALL_CODES)
      .flatMap(([low, high]) => utf8Sequences(low, high))
      .map((ranges) => sequence(...ranges.map(([low, high]) => byte(low, high)))),
  );
}

const SHORT_ESCAPES: Readonly<Record<number, string>> = {
  8: '\\b',
  9: '\\t',
  10: '\\n',
  12: '\\f',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};
const CONTROLS: CodeSet = [[0, 0x1f]];
const NOT_PLAIN: CodeSet = [
  [0, 0x1f],
  [34, 34],
  [92, 92],
];

/** The characters as in a JSON string, each in one way only: as it is where that is allowed, else by the shortest escape. */
export function jsonCharacters(set: CodeSet): Grammar {
  const escaped: Grammar[] = [];
  for (const [low, high] of intersect(set, NOT_PLAIN)) {
    for (let code = low; code <= high; code++) {
      escaped.push(literal(SHORT_ESCAPES[code] ?? `\\u${code.toString(16).padStart(4, '0')}`));
    }
  }
  return choice(utf8(intersect(set, complement(NOT_PLAIN))), ...escaped);
}

const hex = choice(byte(0x30, 0x39), byte(0x41, 0x46), byte(0x61, 0x66));
const hexOf = (digits: string): Grammar =>
  choice(
    ...[...digits].flatMap((digit) => [...new Set([digit.toLowerCase(), digit.toUpperCase()])]).map(literal),
  );

/** One character of a JSON string, in any way that JSON allows; surrogates come in pairs or not at all. */
export const ANY_JSON_CHARACTER: Grammar = choice(
  utf8(complement(unite([CONTROLS, NOT_PLAIN]))),
  sequence(
    literal('\\'),
    choice(
      ...[...'"\\/bfnrt'].map(literal),
      sequence(
        literal('u'),
        choice(
          sequence(hexOf('0123456789abcef'), hex, hex, hex),
          sequence(hexOf('d'), hexOf('01234567'), hex, hex),
          sequence(hexOf('d'), hexOf('89ab'), hex, hex, literal('\\u'), hexOf('d'), hexOf('cdef'), hex, hex),
        ),
      ),
    ),
  ),
);

/** Sequences of byte ranges that together are the UTF-8 of the code points from `low` to `high`. */
function utf8Sequences(low: number, high: number): [number, number][][] {
  for (const border of [0x7f, 0x7ff, 0xffff]) {
    if (low <= border && high > border) {
      return [...utf8Sequences(low, border), ...utf8Sequences(border + 1, high)];
    }
  }
  // Within one length, the bytes after the first differing one must take all values, or the range is cut further.
  for (const bits of [6, 12, 18]) {
    const mask = 2 ** bits - 1;
    if (high <= 0x7f || Math.floor(low / (mask + 1)) === Math.floor(high / (mask + 1))) continue;
    if ((low & mask) !== 0) {
      return [...utf8Sequences(low, low | mask), ...utf8Sequences((low | mask) + 1, high)];
    }
    if ((high & mask) !== mask) {
      return [...utf8Sequences(low, (high & ~mask) - 1), ...utf8Sequences(high & ~mask, high)];
    }
  }
  const [from, to] = [encode(low), encode(high)];
  return [from.map((value, i) => [value, to[i]])];
}

function encode(code: number): number[] {
  if (code <= 0x7f) return [code];
  if (code <= 0x7ff) return [0xc0 | (code >> 6), 0x80 | (code & 63)];
  if (code <= 0xffff) return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63)];
  return [0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63)];
}
