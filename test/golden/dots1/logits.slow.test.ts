import { describe, expect, it } from 'vitest';
import { argmax } from '../../../src/engine/candidates.ts';
import { configFromHf } from '../../../src/model/config-hf.ts';
import { goldenDots1, goldenDots1Names } from '../../fixtures/golden-dots1.ts';
import { sequenceLogits, weightsFromHf } from '../../fixtures/sequence-logits.ts';

// Recorded from transformers' Dots1ForCausalLM in f32; see README.md in this folder.
describe('logits of the reference backend', () => {
  it.each(goldenDots1Names())('equal transformers for the configuration "%s"', async (name) => {
    const golden = goldenDots1(name);
    const config = configFromHf(golden.config);
    const rows = await sequenceLogits(config, weightsFromHf(config, golden.weights), golden.tokens);
    expect(rows.map((row) => argmax(row))).toEqual(golden.argmax);
    let largest = 0;
    golden.positions.forEach((position, row) => {
      for (let id = 0; id < config.vocabSize; id++) {
        const expected = golden.logits_PV[row * config.vocabSize + id];
        largest = Math.max(largest, Math.abs(rows[position][id] - expected));
      }
    });
    expect(largest).toBeLessThan(2e-4);
  });
});
