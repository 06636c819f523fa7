import { describe, expect, it } from 'vitest';
import { argmax } from '../../src/engine/candidates.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import {
  goldenRelative,
  goldenRelativeNames,
  largestDifference,
  RELATIVES,
} from '../fixtures/golden-relatives.ts';
import { sequenceLogits, weightsFromHf } from '../fixtures/sequence-logits.ts';

// Recorded from transformers in f32; the script is make_relatives.py in this folder.
describe.each(RELATIVES)('reference logits of %s', (architecture) => {
  it.each(goldenRelativeNames(architecture))('equal transformers: %s', async (name) => {
    const golden = goldenRelative(architecture, name);
    const config = configFromHf(golden.config);
    const rows = await sequenceLogits(config, weightsFromHf(config, golden.weights), golden.tokens);
    expect(rows.map((row) => argmax(row))).toEqual(golden.argmax);
    expect(largestDifference(golden, rows)).toBeLessThan(2e-4);
  });
});
