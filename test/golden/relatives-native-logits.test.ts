import { describe, expect, it } from 'vitest';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';
import { argmax } from '../../src/engine/candidates.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import {
  goldenRelative,
  goldenRelativeNames,
  largestDifference,
  RELATIVES,
} from '../fixtures/golden-relatives.ts';
import { sequenceLogits, weightsFromHf } from '../fixtures/sequence-logits.ts';

const { backend } = openNativeBackend({ threads: 2 });
// Recorded from transformers in f32; the script is make_relatives.py in this folder.
describe.skipIf(!backend).each(RELATIVES)(
  'native logits of %s (skipped where it is not built)',
  (architecture) => {
    it.each(goldenRelativeNames(architecture))('equal transformers: %s', async (name) => {
      const golden = goldenRelative(architecture, name);
      const config = configFromHf(golden.config);
      const weights = weightsFromHf(config, golden.weights);
      const rows = await sequenceLogits(config, weights, golden.tokens, { backend });
      expect(rows.map((row) => argmax(row))).toEqual(golden.argmax);
      expect(largestDifference(golden, rows)).toBeLessThan(2e-4);
    });
  },
);
