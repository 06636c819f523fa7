import type { WeightSpec } from '../model/architecture.ts';
import { meanOf, squareOf } from './names.ts';

export type OptimizerType = 'adamw' | 'muon';

export interface OptimizerOptions {
  readonly type: OptimizerType;
  /** β of Muon's mean. */
  readonly momentum: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** Gradients whose norm, all together, is larger are scaled down to it. */
  readonly clipNorm: number;
}

/** Weight decay pulls on matrices alone; norm weights are the only vectors that learn. */
export function hasWeightDecay(spec: WeightSpec): boolean {
  return spec.isNorm !== true;
}

/** Muon updates matrices that map one vector to another; the rows of the vocabulary and all vectors are left to AdamW. */
export function usesMuon(spec: WeightSpec, optimizer: OptimizerType): boolean {
  const isMap = spec.shape.length > 1 && spec.name !== 'tokenEmbedding' && spec.name !== 'output';
  return optimizer === 'muon' && isMap;
}

/** Names of the optimiser's state for a parameter: the running means that it keeps from step to step. */
export function optimizerStates(spec: WeightSpec, optimizer: OptimizerType): string[] {
  return usesMuon(spec, optimizer) ? [meanOf(spec.name)] : [meanOf(spec.name), squareOf(spec.name)];
}
