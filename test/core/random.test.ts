import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';

const draw = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => random.uint32());

// Computed by another implementation of the same definition, in Python.
describe('Random', () => {
  it("gives the known answers of xoshiro128**: seed 0's state replaced by 1, 2, 3, 4", () => {
    const random = Object.assign(new Random(0), { state: Uint32Array.of(1, 2, 3, 4) });
    expect(draw(random, 5)).toEqual([11520, 0, 5927040, 70819200, 2031721883]);
  });

  it.each([
    [0, [0x6ab03720, 0x02ae349e, 0x96495024, 0xe5671339]],
    [1, [0x177119d4, 0x81962de5, 0xe3609ab3, 0x7cbcc17a]],
    [2 ** 32, [0xcff8a0f1, 0xb3b23099, 0xab89265e, 0x9f1e6ac3]],
    [-1, [0xf2f77455, 0x384f9067, 0x0dab980a, 0x0b224136]],
    [Number.MAX_SAFE_INTEGER, [0x0d1ca583, 0x003335ec, 0xfb106da6, 0x51e3b8f5]],
    [Number.MIN_SAFE_INTEGER, [0x6456c209, 0xc07479a7, 0xa6efbaab, 0x04d77169]],
  ])('gives the same numbers for seed %d in every release', (seed, expected) => {
    expect(draw(new Random(seed), 4)).toEqual(expected);
  });

  it('makes uniform numbers of 53 bits from two draws', () => {
    const random = new Random(5);
    expect([random.uniform(), random.uniform(), random.uniform()]).toEqual([
      0.20724481359346092, 0.5921867007849819, 0.7434757875044817,
    ]);
  });

  it('normal() has mean 0 and deviation 1', () => {
    const random = new Random(2);
    const values = Array.from({ length: 20_000 }, () => random.normal());
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
    // Five standard errors of each.
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(20_000));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / 20_000));
  });
});
