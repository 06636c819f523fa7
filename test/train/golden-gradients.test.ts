import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configFromHf } from '../../src/model/config-hf.ts';
import { hfNames } from '../../src/model/weights.ts';
import { gradientOf, trainedSpecs } from '../../src/train/names.ts';
import { TrainingPrograms } from '../../src/train/training-programs.ts';
import { goldenDots1 } from '../fixtures/golden-dots1.ts';
import { trainingBackends, trainingStore } from '../fixtures/training-store.ts';

/** By Hugging Face name: sum of magnitudes, and some elements of the gradient; made by make_gradients.py. */
interface Recorded {
  readonly loss: number;
  readonly numTokens: number;
  readonly gradients: Readonly<Record<string, { absSum: number; at: number[]; values: number[] }>>;
}

const recorded: Record<string, Recorded> = JSON.parse(
  readFileSync(new URL('../golden/dots1/gradients.json', import.meta.url), 'utf8'),
);
const OPTIONS = {
  type: 'adamw' as const,
  momentum: 0,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1,
  balanceLoss: 0,
};
const NAMES = ['plain', 'groups-raw-weights', 'tied-groups'];

describe.each(trainingBackends())("on the $name backend, a training step's gradients", ({ backend }) => {
  it.each(
    NAMES.flatMap((name) => [
      [name, false],
      [name, true],
    ]) as [string, boolean][],
  )("are those of transformers' autograd: %s, recomputation %s", async (name, recompute) => {
    const golden = goldenDots1(name);
    const { loss, numTokens, gradients } = recorded[name];
    const config = configFromHf(golden.config);
    const store = trainingStore(backend, config, golden.weights);
    const step = await TrainingPrograms.load(backend, config, store, { ...OPTIONS, recompute }, numTokens);
    const tokens_T = Int32Array.from(golden.tokens.slice(0, numTokens));
    const result = await step.gradients([
      {
        tokens_T,
        targets_T: tokens_T.map((_, t) => (t + 1 < numTokens ? tokens_T[t + 1] : -1)),
        positions_T: tokens_T.map((_, t) => t),
        sequences_T: new Int32Array(numTokens),
        lossWeights_T: new Float32Array(numTokens).fill(1),
      },
    ]);
    expect(Math.abs(result.loss - loss)).toBeLessThan(1e-5);
    let worst = 0;
    let numCompared = 0;
    for (const spec of trainedSpecs(config)) {
      const all = store.array(gradientOf(spec.name));
      const names = hfNames(spec);
      const size = all.length / names.length;
      for (const [i, parameter] of names.entries()) {
        const gradient = all.subarray(i * size, (i + 1) * size);
        const { absSum, at, values } = gradients[parameter];
        const found = gradient.reduce((sum, value) => sum + Math.abs(value), 0);
        expect(Math.abs(found - absSum), parameter).toBeLessThanOrEqual(1e-5 * absSum);
        // Relative to an element of usual size: sums of many terms in f32 are no better than that on either side.
        const usual = absSum / size;
        at.forEach((index, j) => {
          const scale = Math.max(Math.abs(values[j]), usual, 1e-12);
          worst = Math.max(worst, Math.abs(gradient[index] - values[j]) / scale);
        });
        numCompared++;
      }
    }
    await step.close();
    store.close();
    expect(numCompared).toBe(Object.keys(gradients).length);
    expect(worst).toBeLessThan(1e-4);
  });
});
