import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CounterRandom, philox } from '../../src/core/counter-random.ts';
import { InternalError } from '../../src/core/errors.ts';

const hex = (words: readonly number[]): string =>
  words.map((word) => word.toString(16).padStart(8, '0')).join(' ');

describe('philox()', () => {
  it('gives the known answers of its authors', () => {
    const ones = 0xffffffff;
    expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    expect(hex(philox([ones, ones, ones, ones], [ones, ones]))).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    expect(hex(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]))).toBe(
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    );
  });
});

describe('CounterRandom', () => {
  it('depends on all 64 bits of the seed, on the stream and on the index, and on nothing else', () => {
    const at = (seed: number | bigint, stream: number, index: number) =>
      new CounterRandom(seed, stream).uniform(index);
    expect(at(5, 0, 9)).toBe(at(5n, 0, 9));
    expect(at(-1, 0, 0)).toBe(at(2n ** 64n - 1n, 0, 0));
    const numbers = [at(1, 0, 0), at(1n + 2n ** 32n, 0, 0), at(1, 1, 0), at(1, 0, 1), at(1, 0, 2 ** 32)];
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it.each([
    [0, 0, 0, 0, 0.39904647231489565],
    [5, 0, 0, 9, 0.34992691615845284],
    [-1, 0, 0, 0, 0.447822034978262],
    [2 ** 40 + 3, 7, 2, 2 ** 33 + 1, 0.2298398577233295],
  ])(
    'gives the same number in every release: seed %d, stream %d %d, place %d',
    (seed, stream, sub, index, number) => {
      // Computed by another implementation, in Python.
      expect(new CounterRandom(seed, stream, sub).uniform(index)).toBe(number);
    },
  );

  it('has no number twice in the streams and substreams of neighbouring seeds', () => {
    const numbers: number[] = [];
    for (let seed = 0; seed < 6; seed++)
      for (let stream = 0; stream < 6; stream++)
        for (let substream = 0; substream < 6; substream++)
          for (let i = 0; i < 6; i++) numbers.push(new CounterRandom(seed, stream, substream).uniform(i));
    expect(new Set(numbers).size).toBe(6 ** 4);
  });

  it('refuses a stream that would be another one in 32 bits', () => {
    for (const stream of [-1, 2 ** 32, 0.5]) {
      expect(() => new CounterRandom(0, stream)).toThrow(InternalError);
      expect(() => new CounterRandom(0, 0, stream)).toThrow(InternalError);
    }
  });

  it('drawsFrom() gives the numbers from a place on, one after the other', () => {
    const random = new CounterRandom(3, 1, 4);
    const draws = random.drawsFrom(7);
    expect([draws.uniform(), draws.uniform()]).toEqual([random.uniform(7), random.uniform(8)]);
    expect(draws.below(1000)).toBe(Math.floor(1000 * random.uniform(9)));
  });

  it('shuffle() gives every order equally often, and takes one draw less than there are items', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const items = ['a', 'b', 'c'];
      new CounterRandom(5, 0, i).drawsFrom(0).shuffle(items);
      counts.set(items.join(''), (counts.get(items.join('')) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
    const draws = new CounterRandom(5).drawsFrom(0);
    draws.shuffle(['a', 'b', 'c']);
    expect(draws.uniform()).toBe(new CounterRandom(5).uniform(2));
  });

  it('is uniform in [0, 1)', () => {
    const random = new CounterRandom(3, 7);
    const bins = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) bins[Math.floor(random.uniform(i) * 16)]++;
    for (const count of bins) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

it('no seed in src/ is computed from another one, which would be that of a neighbour', () => {
  const folder = fileURLToPath(new URL('../../src/', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const seeds = files.flatMap((file) =>
    [...readFileSync(folder + file, 'utf8').matchAll(/\w*seed\w* [*+^] |[*+^] (?:\w+\.)*\w*seed\b/gi)].map(
      ([text]) => `${file}: ${text}`,
    ),
  );
  // The generator itself mixes the halves of its seed.
  expect(seeds.filter((found) => !found.startsWith('core/random.ts'))).toEqual([]);
});
