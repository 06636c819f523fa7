import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.ts';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import type { Store } from '../../src/backend/store.ts';
import { compile } from '../../src/compile/compile.ts';
import { printProgram } from '../../src/compile/print.ts';
import { Random } from '../../src/core/random.ts';
import { f32 } from '../../src/dtype/index.ts';
import { inferenceGraph } from '../../src/engine/inference-graph.ts';
import { configFromHf, configToHf } from '../../src/model/config-hf.ts';
import { hfNames, routedLayers, weightSpecs } from '../../src/model/weights.ts';
import { gradientOf, trainedSpecs } from '../../src/train/names.ts';
import { train } from '../../src/train/trainer.ts';
import { gradientGraph } from '../../src/train/training-graphs.ts';
import { runCli, runJson } from '../cli/run-cli.ts';
import { logitsOf, writeHfFolder } from '../convert/models.ts';
import type { NamedTensor } from '../fixtures/random-dots1.ts';
import { randomRelativeWeights } from '../fixtures/random-relatives.ts';
import { sequenceLogits, valuesFromHf, weightsFromHf } from '../fixtures/sequence-logits.ts';
import { SMALL_RELATIVES } from '../fixtures/small-relatives.ts';
import { trainingBackends, trainingStore } from '../fixtures/training-store.ts';
import { evaluateF64, type Sources } from '../graph/evaluate-f64.ts';
import { trainedNames, trainingGraph, trainingInputs } from '../graph/training-graph.ts';
import { toyFolder, toyOptions, toyRun } from '../train/toy.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-relatives-'));
afterAll(() => rmSync(folder, { recursive: true }));

const native = openNativeBackend({ threads: 2 }).backend;
const backends: Backend[] = native ? [referenceBackend, native] : [referenceBackend];

const tokensOf = (count: number, vocabSize: number): number[] => {
  const random = new Random(4);
  return Array.from({ length: count }, () => random.below(vocabSize));
};

describe.each(Object.entries(SMALL_RELATIVES))('%s', (name, hf) => {
  const config = configFromHf(hf);
  const tensors = randomRelativeWeights(hf, 8);

  it('has the tensors of the folder, and no others', () => {
    const names = weightSpecs(config).flatMap((spec) => hfNames(spec));
    expect(names.sort()).toEqual([...tensors.keys()].sort());
  });

  it.runIf(name === config.architecture)('compiles to the reviewed program', async () => {
    const program = compile(inferenceGraph(config, 4), { name, supports: referenceBackend.supports });
    await expect(printProgram(program)).toMatchFileSnapshot(`../programs/small-${name}.txt`);
  });

  it('is the same configuration after it was written and read', () => {
    expect(configFromHf(configToHf(config, [1], 'float32'))).toEqual(config);
  });

  it.each(backends)(
    'gives the same logits however its prompt is chunked, on the $name backend',
    async (backend) => {
      const tokens = tokensOf(90, config.vocabSize);
      const weights = weightsFromHf(config, tensors);
      const whole = await sequenceLogits(config, weights, tokens, { backend });
      for (const steps of [
        [1, 1, 70, 18],
        [63, 27],
      ])
        expect(await sequenceLogits(config, weights, tokens, { backend, steps })).toEqual(whole);
    },
  );

  it.skipIf(!native)('gives on the native backend the logits of the reference', async () => {
    const tokens = tokensOf(90, config.vocabSize);
    const weights = weightsFromHf(config, tensors);
    const expected = await sequenceLogits(config, weights, tokens);
    const found = await sequenceLogits(config, weights, tokens, { backend: native });
    const differences = found.flatMap((row, t) => Array.from(row, (x, id) => Math.abs(x - expected[t][id])));
    expect(Math.max(...differences)).toBeLessThan(1e-4);
  });

  it('computes the same as a GGUF file', async () => {
    const from = await writeHfFolder(join(folder, name), hf);
    const to = join(folder, `${name}.gguf`);
    await runJson(['convert', from, to]);
    const ids = tokensOf(12, config.vocabSize);
    expect(await logitsOf(to, ids)).toEqual(await logitsOf(from, ids));
    expect((await runCli(['info', to])).stdout).toContain(`${config.architecture}, 3 layers, width 24`);
  });

  it('the loss changes along each parameter as its gradient says', () => {
    const { outputs } = trainingGraph(config);
    const random = new Random(5);
    const sources = f64Sources(tensors, tokensOf(9, config.vocabSize));
    const bindings = { T: 8, O: 8 };
    const names = trainedNames(config);
    const found = evaluateF64(
      names.map((parameter) => outputs[parameter]),
      sources,
      bindings,
    );
    const lossAt = (): number => evaluateF64([outputs.loss], sources, bindings)[0][0];
    names.forEach((parameter, i) => {
      const values = sources.get(parameter) as Float64Array;
      const original = values.slice();
      const direction = values.map(() => random.normal());
      const shifted = (h: number): number => {
        for (let at = 0; at < values.length; at++) values[at] = original[at] + h * direction[at];
        return lossAt();
      };
      const h = 1e-5;
      const slope = (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h);
      shifted(0);
      // A router of one expert has nothing to choose.
      const length = Math.hypot(...found[i]) || 1;
      const expected = found[i].reduce((sum, value, at) => sum + value * direction[at], 0);
      expect(Math.abs(slope - expected) / length, parameter).toBeLessThan(1e-6);
    });
  });

  it('sums the same gradients on both backends, and the same bits with recomputed layers', async () => {
    const balance = routedLayers(config).length > 0;
    const results = [];
    for (const { backend } of trainingBackends()) {
      const [kept, again] = await Promise.all(
        [false, true].map(async (recompute) => {
          const store = trainingStore(backend, config, tensors);
          const graph = gradientGraph(config, { supports: backend.supports, balance, recompute });
          const outputs = await runStep(backend, graph, store);
          const gradients = trainedSpecs(config).map((spec) => store.array(gradientOf(spec.name)).slice());
          store.close();
          return { outputs, gradients };
        }),
      );
      expect(again).toEqual(kept);
      results.push(kept.gradients);
    }
    const [expected, found = expected] = results;
    found.forEach((gradient, i) => {
      const size = expected[i].reduce((max, value) => Math.max(max, Math.abs(value)), 1e-9);
      const worst = gradient.reduce((max, value, at) => Math.max(max, Math.abs(value - expected[i][at])), 0);
      expect(worst / size, trainedSpecs(config)[i].name).toBeLessThan(1e-4);
    });
  });

  it('learns, and resumes from its checkpoint', async () => {
    const { architecture, ...shape } = TRAINED[config.architecture];
    const run = toyRun({ model: { architecture, ...shape }, balance: {} });
    const runFolder = await toyFolder();
    const records: Record<string, unknown>[] = [];
    const options = toyOptions(run, runFolder);
    const first = await train({ ...options, onRecord: (record) => records.push(record) });
    const losses = records.filter(({ type }) => type === 'step').map(({ loss }) => loss as number);
    expect(losses.at(-1)).toBeLessThan(losses[0] - 0.5);
    const again = await train({ ...options, resumeFrom: first.checkpoint });
    expect(again.validation?.loss).toBe(first.validation?.loss);
  });

  async function runStep(
    backend: Backend,
    graph: Parameters<typeof compile>[0],
    store: Store,
  ): Promise<Record<string, Float32Array>> {
    const program = compile(graph, { name: 'step', supports: backend.supports });
    const executable = await backend.load(program, new Map(), {
      stateBindings: {},
      stateType: f32,
      store,
    });
    const inputs = trainingInputs([tokensOf(7, config.vocabSize), tokensOf(12, config.vocabSize)]);
    const T = inputs.tokens.length;
    const outputs = await executable.run(
      { ...inputs, lossWeights: new Float32Array(T).fill(1 / T), balanceFactor: Float32Array.of(0.01) },
      { T },
    );
    await executable.close();
    return outputs;
  }

  function f64Sources(weights: ReadonlyMap<string, NamedTensor>, tokens: readonly number[]): Sources {
    const sources = new Map<string, Float64Array | Int32Array>(Object.entries(trainingInputs([tokens])));
    for (const spec of weightSpecs(config)) {
      const parts = valuesFromHf(spec, weights).map((data) => Array.from(data));
      sources.set(spec.name, Float64Array.from(parts.flat()));
    }
    return sources;
  }
});

/** "model" of a run that learns the toy language. */
const TRAINED: Readonly<Record<string, Record<string, unknown>>> = {
  llama: {
    architecture: 'llama',
    vocabSize: 16,
    hiddenSize: 16,
    numLayers: 2,
    numHeads: 4,
    numKeyValueHeads: 2,
    denseSize: 40,
  },
  qwen3moe: {
    architecture: 'qwen3moe',
    vocabSize: 16,
    hiddenSize: 16,
    numLayers: 2,
    numHeads: 2,
    numKeyValueHeads: 1,
    expertSize: 12,
    numExperts: 8,
    numExpertsPerToken: 2,
  },
};

describe('a run of a model without a bias in its router', () => {
  it('refuses to balance by one, and balances by the loss', async () => {
    const options = async (balance: object) =>
      toyOptions(toyRun({ model: TRAINED.qwen3moe, balance }), await toyFolder());
    await expect(train(await options({ biasRate: 0.01 }))).rejects.toThrow(
      /"balance.biasRate": qwen3moe has no bias in its router/,
    );
    const records: Record<string, unknown>[] = [];
    await train({ ...(await options({ lossFactor: 0.01 })), onRecord: (record) => records.push(record) });
    const last = records.findLast(({ type }) => type === 'step');
    expect(last?.balanceLoss).toBeGreaterThan(0);
    expect(last?.layers).toEqual([
      expect.not.objectContaining({ biasDrift: expect.anything() }),
      expect.anything(),
    ]);
  });
});
