/** What a step must do at least, and so how fast this machine could do it: the last column of `dots bench`. */
import type { MachineLimits } from '../backend/native/limits.ts';
import type { Program, SourceValue } from '../compile/program.ts';
import { InternalError } from '../core/errors.ts';
import { storageTypeByName } from '../dtype/index.ts';
import type { StorageType } from '../dtype/storage-type.ts';
import type { Engine } from '../engine/open.ts';
import { evaluateShape } from '../graph/dim.ts';
import type { CallSizes } from '../graph/op.ts';
import { factsOf } from '../graph/ops/index.ts';
import type { StoredWeight } from '../graph/stored-weight.ts';
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

/** A step: some sequences, each with the same number of new tokens after the same number of cached ones. */
export interface StepShape {
  readonly numSequences: number;
  readonly tokensEach: number;
  readonly numCached: number;
}

export interface WorkModel {
  readonly program: Program;
  readonly weights: ReadonlyMap<string, StoredWeight>;
  readonly kvType: StorageType;
  /** Whether products with weights or cached values of a type are sums of 8-bit integers. */
  multipliesBytes(type: StorageType): boolean;
}

/**
 * What the ops say they have to read and to multiply. Weights are read once a step; of a layer's experts those that random
 * tokens are expected to choose. Logits are computed for one token of each sequence. Activations stay in the caches and
 * count for nothing.
 */
export function stepWork(model: WorkModel, { numSequences, tokensEach, numCached }: StepShape): StepWork {
  const { values, instructions } = model.program;
  const bindings = { T: numSequences * tokensEach, O: numSequences, B: numSequences, P: 1 };
  let bytes = 0;
  let floatMultiplies = 0;
  let byteMultiplies = 0;
  for (const { op, inputs, output } of instructions) {
    const { multiplies, reads } = factsOf(op);
    const shapes = inputs.map((input) => evaluateShape(values[input].shape, bindings));
    const call: CallSizes = {
      inputs: shapes,
      output: evaluateShape(values[output].shape, bindings),
      numCached,
    };
    let isBytes = false;
    for (const [i, input] of inputs.entries()) {
      const value = values[input];
      if (value.kind !== 'weight' && value.kind !== 'state') continue;
      const type = typeOf(model, value);
      const numElements = reads ? reads(call) : shapes[i].reduce((a, b) => a * b, 1);
      bytes += (numElements * type.blockBytes) / type.blockElements;
      isBytes ||= model.multipliesBytes(type);
    }
    if (isBytes) byteMultiplies += multiplies?.(call) ?? 0;
    else floatMultiplies += multiplies?.(call) ?? 0;
  }
  return { bytes, floatMultiplies, byteMultiplies };
}

function typeOf({ weights, kvType }: WorkModel, { kind, name }: SourceValue): StorageType {
  if (kind === 'state') return kvType;
  const weight = weights.get(name);
  if (weight) return weight.type;
  throw new InternalError(`the program reads ${name}, which was not bound`);
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
    // The cache grows by one token per step: the size in the middle is the mean.
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
