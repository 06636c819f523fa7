import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { Random } from '../../src/core/random.ts';
import { f32 } from '../../src/dtype/index.ts';
import type { ModelConfig } from '../../src/model/architecture.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import { hfNames, weightSpecs } from '../../src/model/weights.ts';
import { goldenDots1 } from '../fixtures/golden-dots1.ts';
import { type NamedTensor, randomDots1Weights } from '../fixtures/random-dots1.ts';
import { weightsFromHf } from '../fixtures/sequence-logits.ts';
import { SMALL_HF_CONFIG } from '../fixtures/small-model.ts';
import { evaluateF64, type Sources } from './evaluate-f64.ts';
import { trainedNames, trainingGraph, trainingInputs } from './training-graph.ts';

interface Recorded {
  readonly loss: number;
  readonly numTokens: number;
  /** By Hugging Face name: sum, sum of magnitudes, and some elements of the gradient. */
  readonly gradients: Readonly<
    Record<string, { sum: number; absSum: number; at: number[]; values: number[] }>
  >;
}

const recorded: Record<string, Recorded> = JSON.parse(
  readFileSync(new URL('../golden/dots1/gradients.json', import.meta.url), 'utf8'),
);

type Gradients = Record<string, Float32Array>;

async function lossAndGradients(
  config: ModelConfig,
  weights: ReadonlyMap<string, NamedTensor>,
  sequences: readonly (readonly number[])[],
): Promise<Gradients> {
  const program = compile(trainingGraph(config), { name: 'train', supports: referenceBackend.supports });
  const executable = await referenceBackend.load(program, weightsFromHf(config, weights), {
    stateBindings: {},
    stateType: f32,
  });
  const inputs = trainingInputs(sequences);
  const { length } = inputs.tokens;
  const outputs = await executable.run(inputs, { T: length, O: length });
  await executable.close();
  return outputs;
}

/** Gradients under Hugging Face names: those of a layer's experts are one tensor here and one each there. */
function byHfName(config: ModelConfig, gradients: Gradients): Map<string, Float32Array> {
  const named = new Map<string, Float32Array>();
  for (const spec of weightSpecs(config)) {
    const gradient = gradients[spec.name];
    if (!gradient) continue;
    const names = hfNames(spec);
    const size = gradient.length / names.length;
    names.forEach((name, i) => {
      named.set(name, gradient.subarray(i * size, (i + 1) * size));
    });
  }
  return named;
}

describe('gradients of the whole model', () => {
  it.each(['plain', 'groups-raw-weights', 'tied-groups'])('equal transformers for "%s"', async (name) => {
    const golden = goldenDots1(name);
    const { loss, numTokens, gradients: expected } = recorded[name];
    const config = configFromHf(golden.config);
    const outputs = await lossAndGradients(config, golden.weights, [golden.tokens.slice(0, numTokens)]);
    expect(Math.abs(outputs.loss[0] - loss)).toBeLessThan(1e-5);

    const found = byHfName(config, outputs);
    expect([...found.keys()].sort()).toEqual(Object.keys(expected).sort());
    for (const [parameter, { sum, absSum, at, values }] of Object.entries(expected)) {
      const gradient = found.get(parameter) as Float32Array;
      // Relative to an element of usual size: f32 sums of many terms are no better than that on either side.
      const usual = absSum / gradient.length;
      at.forEach((index, i) => {
        const error = Math.abs(gradient[index] - values[i]) / Math.max(Math.abs(values[i]), usual, 1e-12);
        expect(error, `${parameter}[${index}]`).toBeLessThan(1e-4);
      });
      const sumOf = (of: (value: number) => number): number =>
        gradient.reduce((total, value) => total + of(value), 0);
      expect(Math.abs(sumOf(Math.abs) - absSum), parameter).toBeLessThanOrEqual(1e-5 * absSum);
      expect(Math.abs(sumOf((value) => value) - sum), parameter).toBeLessThanOrEqual(1e-5 * absSum);
    }
  });

  it('packed documents do not see each other: the loss is that of each alone, by number of tokens', async () => {
    const config = configFromHf(SMALL_HF_CONFIG);
    const weights = randomDots1Weights(SMALL_HF_CONFIG, 8);
    const random = new Random(4);
    const sequence = (length: number): number[] =>
      Array.from({ length }, () => random.below(config.vocabSize));
    const documents = [sequence(6), sequence(11), sequence(2)];
    const counts = documents.map((document) => document.length - 1);
    const packed = await lossAndGradients(config, weights, documents);
    const alone = await Promise.all(documents.map((one) => lossAndGradients(config, weights, [one])));
    for (const [name, values] of Object.entries(packed)) {
      const scale = values.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-6);
      const total = counts.reduce((a, b) => a + b);
      const errors = values.map((value, at) => {
        const mean = alone.reduce((sum, one, i) => sum + (one[name][at] * counts[i]) / total, 0);
        return Math.abs(value - mean) / scale;
      });
      expect(Math.max(...errors), name).toBeLessThan(1e-5);
    }
  });

  it('the loss changes along each parameter as its gradient says', () => {
    const config = configFromHf(SMALL_HF_CONFIG);
    const { outputs } = trainingGraph(config);
    const random = new Random(5);
    const tokens = Array.from({ length: 9 }, () => random.below(config.vocabSize));
    const sources = f64Sources(config, randomDots1Weights(SMALL_HF_CONFIG, 8), tokens);
    const bindings = { T: 8, O: 8 };
    const names = trainedNames(config);
    const found = evaluateF64(
      names.map((name) => outputs[name]),
      sources,
      bindings,
    );
    const lossAt = (): number => evaluateF64([outputs.loss], sources, bindings)[0][0];
    names.forEach((name, i) => {
      const values = sources.get(name) as Float64Array;
      const original = values.slice();
      const direction = values.map(() => random.normal());
      const shifted = (h: number): number => {
        for (let at = 0; at < values.length; at++) values[at] = original[at] + h * direction[at];
        return lossAt();
      };
      const h = 1e-5;
      const slope = (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h);
      shifted(0);
      const length = Math.hypot(...found[i]);
      const expected = found[i].reduce((sum, value, at) => sum + value * direction[at], 0);
      expect(Math.abs(slope - expected) / length, name).toBeLessThan(1e-6);
    });
  });
});

function f64Sources(
  config: ModelConfig,
  tensors: ReadonlyMap<string, NamedTensor>,
  tokens: readonly number[],
): Sources {
  const sources = new Map<string, Float64Array | Int32Array>(Object.entries(trainingInputs([tokens])));
  for (const spec of weightSpecs(config)) {
    const parts = hfNames(spec).map((name) => Array.from((tensors.get(name) as NamedTensor).data));
    sources.set(spec.name, Float64Array.from(parts.flat()));
  }
  return sources;
}
