import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.ts';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import { updateBias } from '../../src/train/balance.ts';
import { learningRate } from '../../src/train/schedule.ts';
import { TrainingPrograms } from '../../src/train/training-programs.ts';
import { type GoldenRun, goldenBatch, goldenRuns } from '../fixtures/golden-losses.ts';
import { randomDots1Weights, weightChecksum } from '../fixtures/random-dots1.ts';
import { trainingBackends, trainingStore } from '../fixtures/training-store.ts';

// The reference backend takes seconds for a step of the larger ones.
const STEPS_OF_REFERENCE = 4;

/** What follows PyTorch: the numbers of each step, and the biases at the end. */
interface Followed {
  readonly losses: number[];
  readonly balanceLosses: number[];
  readonly gradientNorms: number[];
  readonly rates: number[];
  readonly biases: Record<string, number[]>;
}

async function follow(
  run: GoldenRun,
  backend: Backend,
  steps: number,
  recompute: boolean,
): Promise<Followed> {
  const config = configFromHf(run.config);
  const weights = randomDots1Weights(run.config, run.seed);
  expect(weightChecksum(weights)).toBe(run.golden.weightChecksum);
  const store = trainingStore(backend, config, weights);
  const options = {
    type: 'adamw' as const,
    momentum: 0,
    ...run.optimizer,
    balanceLoss: run.balance.lossFactor,
    recompute,
  };
  const training = await TrainingPrograms.load(backend, config, store, options, run.microBatchTokens);
  const stepTokens = run.microBatches * run.microBatchTokens;
  const losses: number[] = [];
  const balanceLosses: number[] = [];
  const gradientNorms: number[] = [];
  const rates: number[] = [];
  for (let step = 0; step < steps; step++) {
    const micros = Array.from({ length: run.microBatches }, (_, micro) => goldenBatch(run, step, micro));
    const result = await training.gradients(micros);
    const rate = learningRate(run.learningRate, step, step * stepTokens, run.steps * stepTokens);
    await training.update(rate, result.gradientNorm, step);
    for (const [layer, counts_E] of result.counts)
      updateBias(store.array(`layers.${layer}.routerBias`), counts_E, run.balance.biasRate);
    losses.push(result.loss);
    balanceLosses.push(result.balanceLoss);
    gradientNorms.push(result.gradientNorm);
    rates.push(rate);
  }
  const layers = Object.keys(run.golden.biases);
  const biases = Object.fromEntries(
    layers.map((layer) => [layer, Array.from(store.array(`layers.${layer}.routerBias`))]),
  );
  await training.close();
  store.close();
  return { losses, balanceLosses, gradientNorms, rates, biases };
}

/** Over as many values as there are. */
function largestDifference(found: readonly number[], expected: readonly number[]): number {
  expect(found.length).toBeGreaterThan(0);
  return Math.max(...found.map((value, i) => Math.abs(value - expected[i])));
}

const all = trainingBackends();
const isAlone = all.length === 1;

describe.each(all)('on the $name backend', ({ backend }) => {
  it.each(goldenRuns())(
    'training follows the losses of PyTorch: $name',
    async (run) => {
      const { golden } = run;
      const isLong = backend !== referenceBackend || (isAlone && run.name === 'tied');
      const steps = isLong ? run.steps : STEPS_OF_REFERENCE;
      const found = await follow(run, backend, steps, run.microBatches > 1);
      const norms = found.gradientNorms.map((norm, i) => norm / golden.gradientNorms[i]);
      const ones = norms.map(() => 1);
      expect(found.losses).toHaveLength(steps);
      expect(largestDifference(found.rates, golden.learningRates)).toBeLessThan(1e-15);
      expect(largestDifference(found.losses, golden.losses)).toBeLessThan(1e-4);
      expect(largestDifference(found.balanceLosses, golden.balanceLosses)).toBeLessThan(1e-5);
      expect(largestDifference(norms, ones)).toBeLessThan(1e-3);
      if (steps < run.steps) return;
      // A choice that is nearly a tie may fall the other way once, and move a bias by a step.
      for (const [layer, biases_E] of Object.entries(golden.biases))
        expect(largestDifference(found.biases[layer], biases_E)).toBeLessThan(
          2.1 * run.balance.biasRate + 1e-5,
        );
    },
    60_000,
  );
});
