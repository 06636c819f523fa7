import { describe, expect, it } from 'vitest';
import { goldenDots1, goldenDots1Names } from '../../fixtures/golden-dots1.ts';
import { randomBits, weightChecksum } from '../../fixtures/random-dots1.ts';

describe('random dots1 models', () => {
  it('randomBits() gives the numbers that Python gives', () => {
    expect([...randomBits('model.norm.weight', 7, 4)]).toEqual([
      1995535144, 1054753412, 628039336, 2579414879,
    ]);
  });

  it.each(goldenDots1Names())('%s: the weights are bit for bit those that transformers ran on', (name) => {
    const golden = goldenDots1(name);
    expect(weightChecksum(golden.weights)).toBe(golden.weightChecksum);
    expect(golden.logits_PV.length).toBe(golden.positions.length * golden.config.vocab_size);
  });

  it.each(goldenDots1Names())('%s: the kept logits have their maximum where argmax says', (name) => {
    const { argmax, positions, logits_PV, config } = goldenDots1(name);
    const best = positions.map((_, row) => {
      const logits = logits_PV.subarray(row * config.vocab_size, (row + 1) * config.vocab_size);
      return logits.indexOf(Math.max(...logits));
    });
    expect(best).toEqual(positions.map((position) => argmax[position]));
  });
});
