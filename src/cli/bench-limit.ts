/** What a step must do at least, and so how fast this machine could do it: the last column of `dots bench`. */
import type { MachineLimits } from '../backend/native/limits.ts';
import type { Program } from '../compile/program.ts';
import { InternalError } from '../core/errors.ts';
import { storageTypeByName } from '../dtype/index.ts';
import { type StorageType, storageBytes } from '../dtype/storage-type.ts';
import type { StoredWeight } from '../dtype/stored-weight.ts';
import type { Engine } from '../engine/open.ts';
import { evaluateDim, type Shape } from '../graph/dim.ts';
import { bindWeights } from '../model/bind-weights.ts';
import type { BenchTest } from './bench-tests.ts';

export interface Limits {
  readonly machine: MachineLimits;
  /** Tokens per second that the machine's limits allow; a prompt is read in steps of `maxStepTokens`. */
  rate(test: BenchTest, maxStepTokens: number): number;
}

/** Measures what the machine can do; undefined for the reference backend, which is far from any limit. */
export async function findLimits(
  engine: Engine,
  threads: number,
  kvType = 'f16',
): Promise<Limits | undefined> {
  if (engine.backend.name !== 'native') return undefined;
  const { measureLimits, multipliesBytes } = await import('../backend/native/limits.ts');
  const machine = measureLimits(threads);
  if (!machine) return undefined;
  const { config, tensors, format, origin } = engine.files;
  const { weights } = bindWeights(config, tensors, format, origin);
  const { program } = engine;
  const model = { program, weights, kvType: storageTypeByName(kvType), multipliesBytes };
  return { machine, rate: (test, maxStepTokens) => limitRate(model, test, maxStepTokens, machine) };
}

/** One step's work, however well it is done. */
export interface StepWork {
  /** Weights and cached keys and values that have to come from memory. */
  readonly bytes: number;
  readonly floatMultiplies: number;
  readonly byteMultiplies: number;
}

/** A step: some sequences, each with the same number of new tokens behind the same number of cached ones. */
export interface StepShape {
  readonly numSequences: number;
  readonly tokensEach: number;
  readonly numCached: number;
}

export interface WorkModel {
  readonly program: Program;
  readonly weights: ReadonlyMap<string, StoredWeight>;
  readonly kvType: StorageType;
  /** Whether products with weights of a type are sums of 8-bit integers. */
  multipliesBytes(type: StorageType): boolean;
}

/**
 * Weights are read once a step; of a layer's experts those that random tokens are expected to choose. Logits are computed
 * for one token of each sequence. Activations, norms and rotations stay in the caches and count for nothing.
 */
export function stepWork(model: WorkModel, step: StepShape): StepWork {
  const numTokens = step.numSequences * step.tokensEach;
  const bindings = { T: numTokens, O: step.numSequences, B: step.numSequences };
  let bytes = 0;
  let floatMultiplies = 0;
  let byteMultiplies = 0;
  const { values, instructions } = model.program;
  for (const { op, inputs, output } of instructions) {
    if (op === 'cachedAttention') {
      const [queries, keys] = inputs.map((input) => values[input].shape);
      const attention = attentionWork(queries, keys, model.kvType, step);
      bytes += attention.bytes;
      if (model.kvType.isFloat) floatMultiplies += attention.multiplies;
      else byteMultiplies += attention.multiplies;
      continue;
    }
    for (const input of inputs) {
      const value = values[input];
      if (value.kind !== 'weight') continue;
      const weight = model.weights.get(value.name);
      if (!weight) throw new InternalError(`the program reads ${value.name}, which was not bound`);
      const sizeBytes = weight.parts.reduce((sum, part) => sum + part.sizeBytes, 0);
      if (op === 'embedding') {
        bytes += (sizeBytes / weight.shape[0]) * numTokens;
      } else if (op === 'linear' || op === 'groupedLinear') {
        const rows = evaluateDim(values[output].shape[0], bindings);
        const multiplies = rows * weight.shape.slice(-2).reduce((a, b) => a * b);
        if (model.multipliesBytes(weight.type)) byteMultiplies += multiplies;
        else floatMultiplies += multiplies;
        bytes +=
          op === 'linear'
            ? sizeBytes
            : sizeBytes * chosenShare(weight.shape[0], values[inputs[2]].shape[1] as number, rows);
      } else bytes += sizeBytes;
    }
  }
  return { bytes, floatMultiplies, byteMultiplies };
}

/** The part of a layer's experts that at least one of the tokens chooses, were the choice even. */
function chosenShare(numExperts: number, numChosen: number, numRoutedRows: number): number {
  return 1 - (1 - numChosen / numExperts) ** (numRoutedRows / numChosen);
}

/** Of one layer: `queries` are [T, N, H], `keys` [T, G, H], and values as wide as keys. */
function attentionWork(
  [, numHeads, headSize]: Shape,
  [, numKeyValueHeads]: Shape,
  kvType: StorageType,
  step: StepShape,
): { bytes: number; multiplies: number } {
  const { numSequences, tokensEach, numCached } = step;
  const cellBytes = storageBytes(kvType, 2 * (numKeyValueHeads as number) * (headSize as number));
  // Every token sees what is cached, the new ones before it, and itself.
  const numPairs = numSequences * (tokensEach * numCached + (tokensEach * (tokensEach + 1)) / 2);
  return {
    bytes: numSequences * numCached * cellBytes,
    multiplies: 2 * numPairs * (numHeads as number) * (headSize as number),
  };
}

/** The step's time at the limits: reading or multiplying, whichever takes longer. */
export function leastSeconds(work: StepWork, limits: MachineLimits): number {
  const multiplying =
    work.floatMultiplies / limits.floatMultipliesPerSecond +
    work.byteMultiplies / limits.byteMultipliesPerSecond;
  return Math.max(work.bytes / limits.readBytesPerSecond, multiplying);
}

/** Tokens per second at the machine's limits; a prompt is read in steps of `maxStepTokens`. */
export function limitRate(
  model: WorkModel,
  test: BenchTest,
  maxStepTokens: number,
  limits: MachineLimits,
): number {
  if (test.kind === 'generate') {
    // The cache grows by a token a step: its middle stands for all.
    const numCached = Math.max(test.depth, 1) + test.numTokens / 2;
    const work = stepWork(model, { numSequences: test.parallel, tokensEach: 1, numCached });
    return test.parallel / leastSeconds(work, limits);
  }
  let seconds = 0;
  for (let done = 0; done < test.numTokens; done += maxStepTokens) {
    const tokensEach = Math.min(maxStepTokens, test.numTokens - done);
    const work = stepWork(model, { numSequences: 1, tokensEach, numCached: test.depth + done });
    seconds += leastSeconds(work, limits);
  }
  return test.numTokens / seconds;
}
