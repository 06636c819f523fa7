import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import type { Store } from '../../src/backend/store.ts';
import { compile } from '../../src/compile/compile.ts';
import { printProgram } from '../../src/compile/print.ts';
import { layoutSlots } from '../../src/compile/program.ts';
import { Random } from '../../src/core/random.ts';
import { f32 } from '../../src/dtype/index.ts';
import type { Graph } from '../../src/graph/tensor.ts';
import type { ModelConfig } from '../../src/model/architecture.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import { hfNames, routedLayers, weightSpecs } from '../../src/model/weights.ts';
import { gradientOf, trainedSpecs } from '../../src/train/names.ts';
import { gradientGraph, measureGraph, updateGraph } from '../../src/train/training-graphs.ts';
import { randomDots1Weights } from '../fixtures/random-dots1.ts';
import { weightsFromHf } from '../fixtures/sequence-logits.ts';
import { SMALL_HF_CONFIG } from '../fixtures/small-model.ts';
import { trainingGraph, trainingInputs } from '../graph/training-graph.ts';

const { supports } = referenceBackend;
const TIED = { ...SMALL_HF_CONFIG, tie_word_embeddings: true };

function documents(config: ModelConfig): number[][] {
  const random = new Random(4);
  const document = (length: number): number[] => Array.from({ length }, () => random.below(config.vocabSize));
  return [document(6), document(11), document(2)];
}

/** A store of all parameters and the sums of their gradients, filled from the fixture's random weights. */
function storeOf(config: ModelConfig, hf: typeof SMALL_HF_CONFIG): Store {
  const specs = weightSpecs(config);
  const store = referenceBackend.createStore([
    ...specs,
    ...trainedSpecs(config).map(({ name, shape }) => ({ name: gradientOf(name), shape })),
  ]);
  const tensors = randomDots1Weights(hf, 8);
  for (const spec of specs) {
    let at = 0;
    for (const name of hfNames(spec)) {
      const { data } = tensors.get(name) as { data: Float32Array };
      store.array(spec.name).set(data, at);
      at += data.length;
    }
  }
  return store;
}

async function run(
  graph: Graph,
  store: Store,
  inputs: Record<string, Int32Array | Float32Array>,
): Promise<Record<string, Float32Array>> {
  const program = compile(graph, { name: 'step', supports });
  const executable = await referenceBackend.load(program, new Map(), {
    stateBindings: {},
    stateType: f32,
    store,
  });
  const outputs = await executable.run(inputs, { T: inputs.tokens?.length ?? 0 });
  await executable.close();
  return outputs;
}

function stepInputs(config: ModelConfig): Record<string, Int32Array | Float32Array> {
  const inputs = trainingInputs(documents(config));
  const { length } = inputs.tokens;
  return {
    ...inputs,
    lossWeights: new Float32Array(length).fill(1 / length),
    balanceFactor: Float32Array.of(0.01),
  };
}

const options = { balance: false, recompute: false, supports };

describe('gradientGraph()', () => {
  it.each([
    ['a matrix of its own', SMALL_HF_CONFIG],
    ['tied embeddings', TIED],
  ])('sums the gradients of the mean loss, with %s', async (_, hf) => {
    const config = configFromHf(hf);
    const store = storeOf(config, hf);
    const inputs = stepInputs(config);
    const { losses } = await run(gradientGraph(config, options), store, inputs);

    const plain = compile(trainingGraph(config), { name: 'plain', supports });
    const executable = await referenceBackend.load(plain, weightsFromHf(config, randomDots1Weights(hf, 8)), {
      stateBindings: {},
      stateType: f32,
    });
    const { length } = inputs.tokens;
    const { loss, ...gradients } = await executable.run(trainingInputs(documents(config)), {
      T: length,
      O: length,
    });
    expect(losses.reduce((a, b) => a + b)).toBeCloseTo(loss[0], 5);
    for (const [name, gradient] of Object.entries(gradients)) {
      const found = store.array(gradientOf(name));
      const size = gradient.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-9);
      const worst = gradient.reduce((max, value, i) => Math.max(max, Math.abs(value - found[i])), 0);
      expect(worst / size, name).toBeLessThan(1e-5);
    }

    // A second micro-batch adds to the first.
    const first = store.array(gradientOf('layers.1.router')).slice();
    await run(gradientGraph(config, options), store, inputs);
    store.array(gradientOf('layers.1.router')).forEach((value, i) => {
      expect(Math.abs(value - 2 * first[i])).toBeLessThan(1e-6);
    });
  });

  it('computes the same bits with recomputed layers', async () => {
    const config = configFromHf({ ...SMALL_HF_CONFIG, num_hidden_layers: 4 });
    const results = await Promise.all(
      [false, true].map(async (recompute) => {
        const store = storeOf(config, { ...SMALL_HF_CONFIG, num_hidden_layers: 4 });
        const outputs = await run(
          gradientGraph(config, { supports, balance: true, recompute }),
          store,
          stepInputs(config),
        );
        return { outputs, gradients: trainedSpecs(config).map(({ name }) => store.array(gradientOf(name))) };
      }),
    );
    expect(results[1]).toEqual(results[0]);
  });

  it('needs little more memory for more layers when they are recomputed', () => {
    const bytes = (numLayers: number, recompute: boolean): number => {
      const config = configFromHf({ ...SMALL_HF_CONFIG, num_hidden_layers: numLayers });
      const program = compile(gradientGraph(config, { supports, balance: true, recompute }), {
        name: 'step',
        supports,
      });
      return layoutSlots(program, { T: 512 }).sizeBytes;
    };
    const [kept, again] = [false, true].map((recompute) => bytes(12, recompute) - bytes(4, recompute));
    expect(again).toBeLessThan(kept / 4);
  });

  it('the balance loss moves with its parameters as its gradient says', async () => {
    const config = configFromHf(SMALL_HF_CONFIG);
    const store = storeOf(config, SMALL_HF_CONFIG);
    const inputs = { ...stepInputs(config), lossWeights: new Float32Array(stepInputs(config).tokens.length) };
    const graph = gradientGraph(config, { ...options, balance: true });
    const balanceOf = async (): Promise<number> => (await run(graph, store, inputs)).balance[0];
    const before = await balanceOf();
    // Balanced routing has Σ f·P = 1 in each layer.
    expect(before).toBeGreaterThan(0.01 * routedLayers(config).length * 0.8);
    const router = store.array('layers.1.router');
    const gradient = store.array(gradientOf('layers.1.router')).slice();
    const length = Math.hypot(...gradient);
    expect(length).toBeGreaterThan(0);
    const shifted = async (h: number): Promise<number> => {
      for (let i = 0; i < router.length; i++) router[i] += (h * gradient[i]) / length;
      const balance = await balanceOf();
      for (let i = 0; i < router.length; i++) router[i] -= (h * gradient[i]) / length;
      return balance;
    };
    const slope = ((await shifted(0.01)) - (await shifted(-0.01))) / 0.02;
    expect(slope / length).toBeCloseTo(1, 2);
  });
});

it('the program of a step is the reviewed one', async () => {
  const graph = gradientGraph(configFromHf(SMALL_HF_CONFIG), { supports, balance: true, recompute: true });
  const text = printProgram(compile(graph, { name: 'step', supports }));
  await expect(text).toMatchFileSnapshot('../programs/small-training.txt');
});

describe('measureGraph()', () => {
  it('gives the losses that the step gives', async () => {
    const config = configFromHf(SMALL_HF_CONFIG);
    const store = storeOf(config, SMALL_HF_CONFIG);
    const inputs = stepInputs(config);
    const { losses } = await run(measureGraph(config, supports), store, inputs);
    expect(losses).toEqual((await run(gradientGraph(config, options), store, inputs)).losses);
  });
});

describe('updateGraph()', () => {
  it('decays matrices, leaves norms and the bias of the routers to themselves', () => {
    const config = configFromHf(SMALL_HF_CONFIG);
    const program = compile(
      updateGraph(config, {
        type: 'adamw',
        momentum: 0,
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-8,
        weightDecay: 0.1,
        clipNorm: 1,
      }),
      {
        name: 'update',
        supports,
      },
    );
    const decayOf = new Map(
      program.instructions.map(({ inputs, attributes }) => [
        (program.values[inputs[0]] as { name: string }).name,
        attributes.decay,
      ]),
    );
    expect(decayOf.get('tokenEmbedding')).toBe(0.1);
    expect(decayOf.get('layers.1.router')).toBe(0.1);
    expect(decayOf.get('layers.1.queryNorm')).toBe(0);
    expect(decayOf.get('outputNorm')).toBe(0);
    expect(decayOf.has('layers.1.routerBias')).toBe(false);
  });
});
