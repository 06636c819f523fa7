import { describe, expect, it } from 'vitest';
import { duplicatesAmong, GramCounter } from '../../../src/data/filter/repetition.ts';
import { WordTable } from '../../../src/data/filter/word-table.ts';

/** By strings, as the paper describes it. */
function plainly(words: readonly string[], n: number): { top: number; duplicate: number } {
  const grams = Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => words.slice(i, i + n));
  const counts = new Map<string, number>();
  for (const gram of grams) counts.set(gram.join(' '), (counts.get(gram.join(' ')) ?? 0) + 1);
  let top = ['', 0] as [string, number];
  for (const entry of counts) if (entry[1] > top[1]) top = entry;
  const seen = new Set<string>();
  let duplicate = 0;
  for (let i = 0; i < grams.length; ) {
    if (!seen.has(grams[i].join(' '))) {
      seen.add(grams[i].join(' '));
      i++;
      continue;
    }
    duplicate += grams[i].join('').length;
    i += n;
  }
  return { top: top[0].length * top[1], duplicate };
}

describe('GramCounter', () => {
  it('measures what counting strings measures, document after document', () => {
    const counter = new GramCounter();
    const table = new WordTable();
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let round = 0; round < 200; round++) {
      const vocabulary = 1 + random(30);
      const words = Array.from({ length: random(120) }, () => `w${random(vocabulary)}`);
      const grams = counter.measure(table.wordsOf(words.join(' ')), table);
      for (const n of [2, 3, 4]) expect(grams.topCharacters(n)).toBe(plainly(words, n).top);
      for (const n of [5, 6, 7, 8, 9, 10])
        expect(grams.duplicateCharacters(n)).toBe(plainly(words, n).duplicate);
    }
  });
});

describe('duplicatesAmong()', () => {
  it('counts what occurred before, in characters and not in code units', () => {
    expect(duplicatesAmong(['a', '😀b', 'a', '😀b', '😀b'])).toEqual({ count: 3, characters: 5 });
  });
});
