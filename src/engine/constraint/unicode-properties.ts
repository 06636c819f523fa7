import { ALL_CODES, type CodeSet, intersect, unite } from './code-points.ts';

const known = new Map<string, CodeSet>();

/**
 * The characters of a Unicode property as in `\p{…}`: `L`, `Lu`, `Script=Greek`; undefined if there is none of that name. As the
 * JavaScript engine knows them, whose version of Unicode may be newer than that of whoever checks the answer.
 */
export function propertyCodes(name: string): CodeSet | undefined {
  let codes = known.get(name);
  if (!codes) {
    if (!/^\w+(?:=\w+)?$/.test(name)) return undefined;
    let pattern: RegExp;
    try {
      pattern = new RegExp(`\\p{${name}}+`, 'gu');
    } catch {
      return undefined;
    }
    codes = findCodes(pattern);
    known.set(name, codes);
  }
  return codes;
}

const BLOCK = 0x8000;

/** All characters in a row are searched block by block. */
function findCodes(pattern: RegExp): CodeSet {
  const found: [number, number][] = [];
  for (let start = 0; start <= 0x10ffff; start += BLOCK) {
    for (const [low, high] of intersect([[start, start + BLOCK - 1]], ALL_CODES)) {
      const text = String.fromCodePoint(...Array.from({ length: high - low + 1 }, (_, i) => low + i));
      // Above U+FFFF a character is two units of a string; no block has both kinds.
      const units = low < 0x10000 ? 1 : 2;
      for (const match of text.matchAll(pattern)) {
        const from = low + match.index / units;
        found.push([from, from + match[0].length / units - 1]);
      }
    }
  }
  return unite([found]);
}
