import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/data/batch.ts';
import type { ModelConfig } from '../../src/model/architecture.ts';
import { weightSpecs } from '../../src/model/weights.ts';
import { initialise, storeSpecs } from '../../src/train/parameters.ts';
import { TrainingPrograms } from '../../src/train/training-programs.ts';
import { BACKEND, ToySource, toyRun } from './toy.ts';

const run = toyRun();
const model = run.model as ModelConfig;

async function openStep() {
  const store = BACKEND.createStore(storeSpecs(model, 'adamw'));
  initialise(store, model, { std: 0.1, seed: 3 });
  const options = { ...run.optimizer, balanceLoss: 0.01, recompute: false };
  return { store, step: await TrainingPrograms.load(BACKEND, model, store, options, 64) };
}

/** The batch with `count` rows of padding after it. */
function padded(batch: Batch, count: number): Batch {
  const longer = (values: Int32Array, value: (i: number) => number): Int32Array =>
    Int32Array.from([...values, ...Array.from({ length: count }, (_, i) => value(i))]);
  return {
    tokens_T: longer(batch.tokens_T, () => 0),
    targets_T: longer(batch.targets_T, () => -1),
    positions_T: longer(batch.positions_T, (i) => i),
    sequences_T: longer(batch.sequences_T, () => 99),
    lossWeights_T: Float32Array.from([...batch.lossWeights_T, ...new Float32Array(count)]),
  };
}

describe('TrainingPrograms', () => {
  it('padding changes neither losses nor what experts are counted for', async () => {
    const { store, step } = await openStep();
    const batch = await new ToySource().next(32);
    const plain = await step.gradients([batch]);
    for (const name of store.names) if (name.endsWith('.gradient')) store.array(name).fill(0);
    expect(await step.gradients([padded(batch, 20)])).toEqual(plain);
    expect(await step.measure(padded(batch, 7))).toBe(await step.measure(batch));
    await step.close();
    store.close();
  });

  it('a batch in which nothing counts changes nothing', async () => {
    const { store, step } = await openStep();
    const batch = await new ToySource().next(32);
    const nothing = { ...batch, lossWeights_T: new Float32Array(32) };
    const result = await step.gradients([nothing, nothing]);
    expect(result).toMatchObject({ loss: 0, gradientNorm: 0 });
    expect(await step.measure(nothing)).toBe(0);
    await step.close();
    store.close();
  });

  it('rows count by their weights, whatever micro-batch they are in', async () => {
    const { store, step } = await openStep();
    const source = new ToySource();
    const [a, b] = [await source.next(32), await source.next(16)];
    const of = async (batch: Batch): Promise<{ sum: number; weight: number }> => ({
      sum: await step.measure(batch),
      weight: batch.lossWeights_T.reduce((x, y) => x + y, 0),
    });
    const half = { ...b, lossWeights_T: b.lossWeights_T.map((weight) => weight / 2) };
    const [first, second] = [await of(a), await of(half)];
    const { loss } = await step.gradients([a, half]);
    expect(loss).toBeCloseTo((first.sum + second.sum) / (first.weight + second.weight), 5);
    await step.close();
    store.close();
  });

  it('clips the gradients of all parameters by one factor', async () => {
    const { store, step } = await openStep();
    const { gradientNorm } = await step.gradients([await new ToySource().next(32)]);
    const gradients = store.names.filter((name) => name.endsWith('.gradient'));
    const squares = gradients.reduce(
      (sum, name) => sum + store.array(name).reduce((a, g) => a + g * g, 0),
      0,
    );
    expect(gradientNorm).toBeCloseTo(Math.sqrt(squares), 5);
    // The first mean is (1 − beta1) · clipped gradient: its norm is 0.1 where the gradient's is above 1.
    await step.update(1e-3, gradientNorm, 0);
    const means = store.names.filter((name) => name.endsWith('.mean'));
    const norm = Math.sqrt(
      means.reduce((sum, name) => sum + store.array(name).reduce((a, g) => a + g * g, 0), 0),
    );
    expect(norm).toBeCloseTo(0.1 * Math.min(1, gradientNorm), 5);
    for (const name of gradients) expect(store.array(name).every((value) => value === 0)).toBe(true);
    await step.close();
    store.close();
  });
});

describe('initialise()', () => {
  it('draws matrices from N(0, std²), sets norms to 1 and biases to 0, the same for the same seed', () => {
    const of = (seed: number) => {
      const store = BACKEND.createStore(storeSpecs(model, 'adamw'));
      initialise(store, model, { std: 0.1, seed });
      const values = new Map(weightSpecs(model).map(({ name }) => [name, store.array(name).slice()]));
      store.close();
      return values;
    };
    const values = of(3);
    expect(of(3)).toEqual(values);
    expect(of(4).get('output')).not.toEqual(values.get('output'));
    const drawn: number[] = [];
    for (const { name, isNorm } of weightSpecs(model)) {
      const own = Array.from(values.get(name) ?? []);
      if (isNorm) expect(new Set(own), name).toEqual(new Set([1]));
      else if (name.endsWith('.routerBias')) expect(new Set(own), name).toEqual(new Set([0]));
      else drawn.push(...own);
    }
    const mean = drawn.reduce((a, b) => a + b) / drawn.length;
    const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length);
    expect(drawn.length).toBeGreaterThan(5000);
    expect(Math.abs(mean)).toBeLessThan(0.004);
    expect(deviation / 0.1).toBeCloseTo(1, 1);
    // A share of 4.6 % of a normal distribution is beyond two deviations.
    const numFar = drawn.filter((value) => Math.abs(value) > 0.2).length;
    expect(Math.abs(numFar / drawn.length - 0.0455)).toBeLessThan(0.01);
  });

  it('gives the embedding a width of its own where one is given, and every other tensor the same values', () => {
    const plain = BACKEND.createStore(storeSpecs(model, 'adamw'));
    const wide = BACKEND.createStore(storeSpecs(model, 'adamw'));
    initialise(plain, model, { std: 0.1, seed: 3 });
    initialise(wide, model, { std: 0.1, embeddingStd: 0.8, seed: 3 });
    for (const { name } of storeSpecs(model, 'adamw')) {
      const factor = name === 'tokenEmbedding' ? 8 : 1;
      const largest = wide
        .array(name)
        .reduce((most, value, i) => Math.max(most, Math.abs(value - factor * plain.array(name)[i])), 0);
      expect(largest).toBeLessThan(1e-6);
    }
    plain.close();
    wide.close();
  });
});
