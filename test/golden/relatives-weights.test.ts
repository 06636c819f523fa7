import { describe, expect, it } from 'vitest';
import { goldenRelative, goldenRelativeNames, RELATIVES } from '../fixtures/golden-relatives.ts';
import { weightChecksum } from '../fixtures/random-dots1.ts';

describe.each(RELATIVES)('recorded %s models', (architecture) => {
  it.each(goldenRelativeNames(architecture))(
    '%s: the weights are those that transformers was given',
    (name) => {
      const golden = goldenRelative(architecture, name);
      expect(weightChecksum(golden.weights)).toBe(golden.weightChecksum);
    },
  );
});
