import { describe, expect, it } from 'vitest';
import { BucketTable } from '../../../src/data/dedup/bucket-table.ts';
import { jaccard, openMinhasher } from '../../../src/data/dedup/minhash.ts';
import { BucketMinFilter, VerifiedFilter } from '../../../src/data/dedup/near-duplicates.ts';
import { bandKeys } from '../../../src/data/dedup/signature.ts';
import { describeAlarm, sourceAlarms } from '../../../src/data/dedup/source-alarm.ts';

const minhasher = openMinhasher({ shingleTokens: 1 });
const words = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `w${from + i}`).join(' ');
const keysOf = (text: string): Uint32Array => bandKeys(minhasher.minima(text));

/** Each 90 % alike to the one before, the first and the last hardly. */
const CHAIN = Array.from({ length: 6 }, (_, i) => words(i * 10, i * 10 + 190));

describe('BucketMinFilter', () => {
  it('drops every document that shares a bucket with a smaller one, also with one that went', () => {
    const filter = new BucketMinFilter<number>();
    const dropped = CHAIN.flatMap((text, doc) => (filter.add(doc, keysOf(text)) ? [doc] : []));
    expect(dropped).toEqual([1, 2, 3, 4, 5]);
  });

  it('leaves no bucket with two documents that stayed', () => {
    const filter = new BucketMinFilter<number>();
    const texts = Array.from({ length: 60 }, (_, i) => words((i % 20) * 45, (i % 20) * 45 + 180 + (i % 7)));
    const kept = texts.filter((text, doc) => !filter.add(doc, keysOf(text)));
    const buckets = kept.flatMap((text) => {
      const keys = keysOf(text);
      return Array.from({ length: 128 }, (_, i) => `${keys[2 * i]} ${keys[2 * i + 1]}`);
    });
    expect(new Set(buckets).size).toBe(buckets.length);
  });

  it('names the smallest document and the number of shared bands', () => {
    const filter = new BucketMinFilter<string>();
    filter.add('a', keysOf(words(0, 100)));
    expect(filter.add('b', keysOf(words(0, 100)))).toEqual({ twin: 'a', value: 128 });
  });
});

describe('VerifiedFilter', () => {
  it('keeps a chain whose ends are not alike, apart from what resembles a kept document', () => {
    const filter = new VerifiedFilter<number>();
    const sets = CHAIN.map((text) => minhasher.shingleSet(text));
    const kept: number[] = [];
    CHAIN.forEach((text, doc) => {
      const found = filter.add(doc, keysOf(text), sets[doc]);
      if (!found) {
        kept.push(doc);
        return;
      }
      expect(kept).toContain(found.twin);
      expect(found.value).toBe(jaccard(sets[doc], sets[found.twin]));
      expect(found.value).toBeGreaterThanOrEqual(0.8);
    });
    // Documents 0, 2 and 4 are 0.81 alike, 0 and 3 only 0.73.
    expect(kept).toEqual([0, 3]);
  });

  it('decides at the border by the exact similarity', () => {
    for (const [size, goes] of [
      [125, true], // 100 / 125 = 0.8
      [126, false],
    ] as const) {
      const filter = new VerifiedFilter<string>();
      filter.keep('earlier', keysOf(words(0, 100)), minhasher.shingleSet(words(0, 100)));
      // Its keys are those of the first, so that it is nominated whatever the bands say.
      const found = filter.add('new', keysOf(words(0, 100)), minhasher.shingleSet(words(0, size)));
      expect(found !== undefined).toBe(goes);
    }
  });

  it('nominates nobody for documents without shingles', () => {
    const filter = new VerifiedFilter<number>();
    expect(filter.add(0, keysOf('!'), minhasher.shingleSet('!'))).toBeUndefined();
    expect(filter.add(1, keysOf('!'), minhasher.shingleSet('!'))).toBeUndefined();
  });
});

describe('BucketTable', () => {
  it('finds what was put in, also where keys collide and after it has grown', () => {
    const table = new BucketTable(4);
    for (let i = 0; i < 5000; i++) table.set((i % 3) >>> 0, (i << 7) >>> 0, i);
    expect(table.size).toBe(5000);
    for (let i = 0; i < 5000; i++) expect(table.get(i % 3, (i << 7) >>> 0)).toBe(i);
    expect(table.get(9, 9)).toBe(-1);
    table.set(0, 0, 7);
    expect(table.get(0, 0)).toBe(7);
    expect(table.size).toBe(5000);
  });
});

describe('sourceAlarms()', () => {
  it('names sources that lost nearly everything, the largest loss first', () => {
    const losses = [
      { source: 'small.example', numDocuments: 19, numRemoved: 19 },
      { source: 'half.example', numDocuments: 1000, numRemoved: 899 },
      { source: 'forms.example', numDocuments: 20, numRemoved: 18 },
      { source: 'template.example', numDocuments: 5000, numRemoved: 4998 },
    ];
    expect(sourceAlarms(losses).map(({ source }) => source)).toEqual(['template.example', 'forms.example']);
    expect(describeAlarm(losses[3], 'minhash')).toMatch(/4998 of 5000 documents of template.example/);
  });
});
