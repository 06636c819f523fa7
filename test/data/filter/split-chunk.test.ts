import { describe, expect, it } from 'vitest';
import { splitChunk } from '../../../src/data/filter/split-chunk.ts';
import { WordTable } from '../../../src/data/filter/word-table.ts';

/** As spaCy's English tokenizer splits them (recorded from spaCy 3). */
const SPLITS: readonly (readonly [string, string])[] = [
  ['"Hello,"', '" Hello , "'],
  ["don't", "do n't"],
  ['don’t', 'do n’t'],
  ["it's", "it 's"],
  ["rock'n'roll", "rock'n'roll"],
  ['cannot', 'can not'],
  ["o'clock", "o'clock"],
  ["y'all", "y' all"],
  ['Well', 'Well'],
  ['U.S.', 'U.S.'],
  ['e.g.)', 'e.g. )'],
  ['(i.e.', '( i.e.'],
  ['Rep.', 'Rep.'],
  ['3.', '3 .'],
  ['1,000,000', '1,000,000'],
  ['$1,000.00', '$ 1,000.00'],
  ['US$5', 'US$ 5'],
  ['5km', '5 km'],
  ['10%', '10 %'],
  ['8a.m.', '8 a.m.'],
  ['3-4', '3 - 4'],
  ['a-3', 'a-3'],
  ['well-known', 'well - known'],
  ['a--b', 'a -- b'],
  ['12/25/2020', '12/25/2020'],
  ['either/or', 'either / or'],
  ['and/or', 'and/or'],
  ['end.Next', 'end . Next'],
  ['hello.world', 'hello.world'],
  ['http://a.b/c,', 'http://a.b / c ,'],
  ['(www.foo.com)', '( www.foo.com )'],
  ['<a@b.com>', '< a@b.com >'],
  ['......foo…bar', '...... foo … bar'],
  ['word):', 'word ):'],
  ['(8):', '( 8) :'],
  ['foo:)', 'foo :)'],
  ['vit-a.', 'vit - a.'],
  ["word—I'm", "word — I'm"],
  ['①②😀a😀', '①② 😀 a 😀'],
  ['C++', 'C++'],
  ['C#', 'C #'],
  ['_foo_', '_ foo _'],
  ['&amp;', '& amp ;'],
  ['word[1]', 'word[1 ]'],
];

describe('splitChunk()', () => {
  it.each(SPLITS)('splits %s as %s', (chunk, expected) => {
    expect(splitChunk(chunk)).toEqual(expected.split(' '));
  });

  it('loses no character', () => {
    for (const [chunk] of SPLITS) expect(splitChunk(chunk).join('')).toBe(chunk);
    for (const part of ['a@', '(', '.', "'s", 'http://', '-', '🙂', '\ud800'])
      expect(splitChunk(part.repeat(20_000)).join('')).toBe(part.repeat(20_000));
  });
});

describe('WordTable', () => {
  it('counts sentences by the marks that end them', () => {
    const table = new WordTable();
    for (const [line, count] of [
      ['', 0],
      ['No mark', 1],
      ['One. Two! Three? Four', 4],
      ['Dr. Smith saw Mr. Jones.', 1],
      ['"Yes." He left.)', 2],
      ['Wait... What?! No.', 2],
    ] as const)
      expect(table.countSentences(line)).toBe(count);
  });

  it('numbers equal words equally, also after it was emptied', () => {
    const table = new WordTable();
    const text = Array.from({ length: 210_000 }, (_, i) => `w${i}`).join(' ');
    for (let round = 0; round < 2; round++) {
      const { count, ids } = table.wordsOf(`a b a, ${text}`);
      expect(count).toBe(210_004);
      expect(ids[0]).toBe(ids[2]);
      expect(table.textOf(ids[3])).toBe(',');
      expect(table.textOf(ids[210_003])).toBe('w209999');
    }
  });
});
