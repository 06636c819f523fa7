import { describe, expect, test } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { Merger } from '../../src/text/bpe.ts';
import { MergeTable, readMerges } from '../../src/text/merge-table.ts';

/** The definition: merge the leftmost of the pairs with the lowest rank, one at a time. */
function mergeByDefinition(
  ids: readonly number[],
  merges: ReadonlyMap<string, readonly [rank: number, merged: number]>,
): number[] {
  const left = [...ids];
  for (;;) {
    let best: readonly [rank: number, merged: number] | undefined;
    let at = -1;
    for (let i = 0; i + 1 < left.length; i++) {
      const merge = merges.get(`${left[i]} ${left[i + 1]}`);
      if (merge && (!best || merge[0] < best[0])) [best, at] = [merge, i];
    }
    if (!best) return left;
    left.splice(at, 2, best[1]);
  }
}

/** Merges in random order over an alphabet of `numBytes` ids, so that a later one may come first in rank. */
function randomMerges(random: Random, numBytes: number, count: number) {
  const triples: number[] = [];
  const byPair = new Map<string, readonly [number, number]>();
  for (let tries = 0; triples.length < count * 3 && tries < count * 10; tries++) {
    const rank = triples.length / 3;
    const [a, b] = [random.below(numBytes + rank), random.below(numBytes + rank)];
    if (byPair.has(`${a} ${b}`)) continue;
    const merged = numBytes + random.below(count);
    byPair.set(`${a} ${b}`, [rank, merged]);
    triples.push(a, b, merged);
  }
  return { table: new MergeTable(Int32Array.from(triples)), byPair };
}

describe('Merger', () => {
  test('merge() does what the definition says, by scan and by heap', () => {
    const random = new Random(5);
    for (let round = 0; round < 400; round++) {
      const numBytes = 1 + random.below(4);
      const { table, byPair } = randomMerges(random, numBytes, 1 + random.below(30));
      // Lengths on both sides of the border between the two ways.
      const length = round % 4 === 0 ? 257 + random.below(200) : 1 + random.below(40);
      const ids = Array.from({ length }, () => random.below(numBytes));
      const merged = Int32Array.from(ids);
      const count = new Merger(table).merge(merged, length);
      expect([...merged.subarray(0, count)]).toEqual(mergeByDefinition(ids, byPair));
    }
  });

  test('merge() takes a million equal bytes in well under a second a pass', () => {
    const triples: number[] = [];
    for (let id = 0; id < 10; id++) triples.push(id, id, id + 1);
    const ids = new Int32Array(1_000_000);
    const started = performance.now();
    const count = new Merger(new MergeTable(Int32Array.from(triples))).merge(ids, ids.length);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(ids.subarray(0, count).reduce((sum, id) => sum + 2 ** id, 0)).toBe(1_000_000);
    expect(count).toBe(
      Math.floor(1_000_000 / 1024) + [...(1_000_000 % 1024).toString(2)].filter((bit) => bit === '1').length,
    );
  });
});

describe('readMerges()', () => {
  const texts = ['a', 'b', 'ab', 'Ġ', 'Ġa'];
  const vocabulary = { texts, ids: new Map(texts.map((text, id) => [text, id])) };

  test('both spellings mean the same', () => {
    for (const merges of [
      ['a b', 'Ġ a'],
      [['a', 'b'] as const, ['Ġ', 'a'] as const],
    ]) {
      const table = readMerges(merges, vocabulary);
      expect(table.size).toBe(2);
      expect(table.rankOf(3, 0)).toBe(1);
      expect(table.mergedAt(1)).toBe(4);
    }
  });

  test.each([
    ['ab', 'no space'],
    ['a c', '"c" is not in the vocabulary'],
    ['b a', '"ba" is not in the vocabulary'],
  ])('the merge %j is refused by its number: %s', (merge, why) => {
    expect(() => readMerges(['a b', merge], vocabulary)).toThrowError(
      expect.objectContaining({ code: 'bad-merge', message: expect.stringContaining('merge 2 ') }),
    );
    expect(() => readMerges([merge], vocabulary)).toThrow(why);
  });
});
