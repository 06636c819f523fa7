import { describe, expect, it } from 'vitest';
import { storageTypes } from '../../src/dtype/index.ts';
import type { Dots1Config } from '../../src/model/dots1/config.ts';
import { sequenceLogits } from '../fixtures/sequence-logits.ts';
import { nativeBackend, nativeTypes, WIDE_CONFIG, weightsOfType, whyNoNative } from './stored-models.ts';

/** Largest root mean square of the differences, as a share of the logits' own, and what was measured. */
const TOLERANCES: Readonly<Record<string, number>> = {
  // The order of sums: 6e-7.
  ...{ f32: 2e-6, f16: 2e-6, bf16: 2e-6 },
  // Activations rounded to int8 in blocks of 32, which the reference does not do: 0.006 to 0.019.
  ...{ q8_0: 0.025, q5_1: 0.025, q5_0: 0.025, q4_1: 0.025, q4_0: 0.025 },
  ...{ iq4_nl: 0.025, nvfp4: 0.025, mxfp4: 0.025 },
  // In blocks of 256, whose largest value is larger: 0.011 to 0.037.
  ...{ q6_k: 0.05, q5_k: 0.05, q4_k: 0.05, q3_k: 0.05, q2_k: 0.05 },
  ...{
    iq4_xs: 0.05,
    iq3_s: 0.05,
    iq3_xxs: 0.05,
    iq2_s: 0.05,
    iq2_xs: 0.05,
    iq2_xxs: 0.05,
    iq1_m: 0.05,
    iq1_s: 0.05,
  },
  ...{ tq2_0: 0.05, tq1_0: 0.05 },
};

/** Every token is routed to every expert: here the rounding of activations must not tip a choice. */
const CONFIG = { ...WIDE_CONFIG, numExpertsPerToken: (WIDE_CONFIG as Dots1Config).numExperts };
const tokens = Array.from({ length: 6 }, (_, i) => (i * 37 + 11) % CONFIG.vocabSize);

describe.skipIf(whyNoNative)(`every storage type on the native backend ${whyNoNative ?? ''}`, () => {
  it('is there, but for those that no published file has', () => {
    const missing = storageTypes.filter((type) => !nativeTypes.includes(type)).map((type) => type.name);
    expect(missing).toEqual(['f64', 'f8_e4m3', 'f8_e5m2', 'i8', 'i16', 'i32', 'i64', 'q1_0']);
    expect(Object.keys(TOLERANCES).sort()).toEqual(nativeTypes.map((type) => type.name).sort());
  });

  it.each(nativeTypes)('$name agrees with the reference', async (type) => {
    const weights = weightsOfType(CONFIG, type, 3);
    const expected = await sequenceLogits(CONFIG, weights, tokens);
    const logits = await sequenceLogits(CONFIG, weights, tokens, { backend: nativeBackend() });
    const sumSquares = (rows: readonly Float32Array[]): number =>
      rows.reduce((sum, row) => row.reduce((inner, x) => inner + x * x, sum), 0);
    const difference = sumSquares(logits.map((row, t) => row.map((x, v) => x - expected[t][v])));
    const share = Math.sqrt(difference / sumSquares(expected));
    expect(share).toBeLessThanOrEqual(TOLERANCES[type.name]);
  });
});
