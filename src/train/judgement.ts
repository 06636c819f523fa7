// Whether the state of a run is one that someone would want to continue, before it is called good.

import type { Store } from '../backend/store.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { trainedSpecs } from './names.ts';

/** Weights of networks that work are far smaller, those of networks that diverge soon far larger. */
const LARGEST_WEIGHT = 1e4;
/** A network that knows nothing has a loss of ln V, one that is worse by as much again has diverged. */
const LARGEST_LOSS = 2;

export interface LastStep {
  readonly loss: number;
  readonly gradientNorm: number;
  /** Of the first step of the run. */
  readonly firstLoss: number;
}

/** What is wrong with the parameters or with the step that led to them; undefined where nothing is. */
export function findDivergence(store: Store, config: ModelConfig, last: LastStep): string | undefined {
  const { loss, gradientNorm, firstLoss } = last;
  const limit = LARGEST_LOSS * Math.max(firstLoss, Math.log(config.vocabSize));
  if (loss > limit)
    return `the loss is ${loss.toPrecision(4)}, the first one was ${firstLoss.toPrecision(4)}`;
  if (gradientNorm === 0 && loss > 0) return 'the gradients are 0, so nothing can be learnt';
  for (const { name } of trainedSpecs(config)) {
    const largest = largestOf(store.array(name));
    if (!(largest < LARGEST_WEIGHT)) return `${name} has weights of up to ${largest.toPrecision(2)}`;
  }
  return undefined;
}

/** NaN where one of them is. */
function largestOf(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (!(size <= largest)) largest = size;
    if (Number.isNaN(size)) return size;
  }
  return largest;
}
