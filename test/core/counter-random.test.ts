import { describe, expect, it } from 'vitest';
import { CounterRandom, philox } from '../../src/core/counter-random.ts';

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

  it('is uniform in [0, 1)', () => {
    const random = new CounterRandom(3, 7);
    const bins = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) bins[Math.floor(random.uniform(i) * 16)]++;
    for (const count of bins) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
