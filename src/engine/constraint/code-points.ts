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

/** The characters as UTF-8: a tree of bytes, in which blocks with the same content are one. */
export function utf8(set: CodeSet): Grammar {
  const parts: Grammar[] = [];
  for (const [low, high] of within(set, 0, 0x7f)) parts.push(byte(low, high));
  for (const [lead, numLeads, bits] of [
    [0xc0, 32, 6],
    [0xe0, 16, 12],
    [0xf0, 5, 18],
  ] as const) {
    // What fits into fewer bytes is not written in more.
    const first = bits === 6 ? 0x80 : bits === 12 ? 0x800 : 0x10000;
    const last = 2 ** bits * numLeads - 1;
    parts.push(...blocks(within(intersect(set, ALL_CODES), first, last), lead, bits));
  }
  return choice(...parts);
}

interface Block {
  readonly low: number;
  high: number;
  readonly rest: [number, number][];
}

/** Characters below 2^(bits + 6): their first byte, which begins at `lead`, and what follows it. */
function blocks(set: CodeSet, lead: number, bits: number): Grammar[] {
  const size = 2 ** bits;
  const found: Block[] = [];
  const add = (low: number, high: number, from: number, to: number): void => {
    const last = found.at(-1);
    if (last?.low === low && last.high === high) last.rest.push([from, to]);
    else if (last?.high === low - 1 && last.rest.join() === `${from},${to}`) last.high = high;
    else found.push({ low, high, rest: [[from, to]] });
  };
  for (const [low, high] of set) {
    let [first, last] = [Math.floor(low / size), Math.floor(high / size)];
    if (first === last) {
      add(first, last, low % size, high % size);
      continue;
    }
    if (low % size !== 0) add(first, first++, low % size, size - 1);
    const end = last;
    if (high % size !== size - 1) last--;
    // All of these blocks are full.
    if (first <= last) add(first, last, 0, size - 1);
    if (last < end) add(end, end, 0, high % size);
  }
  return found.map(({ low, high, rest }) =>
    sequence(
      byte(lead + low, lead + high),
      bits === 6
        ? choice(...rest.map(([from, to]) => byte(0x80 + from, 0x80 + to)))
        : choice(...blocks(rest, 0x80, bits - 6)),
    ),
  );
}

function within(set: CodeSet, low: number, high: number): CodeSet {
  return set.flatMap(([from, to]) =>
    to < low || from > high ? [] : [[Math.max(from, low), Math.min(to, high)] as const],
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
