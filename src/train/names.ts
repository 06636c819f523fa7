import type { ModelConfig, WeightSpec } from '../model/architecture.ts';
import { weightSpecs } from '../model/weights.ts';

/** What the store holds with a parameter: the sum of its gradients, and the optimiser's running means. */
export const gradientOf = (name: string): string => `${name}.gradient`;
export const meanOf = (name: string): string => `${name}.mean`;
export const squareOf = (name: string): string => `${name}.square`;

/** Parameters that learn by gradients. */
export function trainedSpecs(config: ModelConfig): WeightSpec[] {
  return weightSpecs(config).filter(({ trainedBy }) => trainedBy === undefined);
}

/** Weight decay pulls on matrices alone; norm weights are the only vectors that learn. */
export function decays(spec: WeightSpec): boolean {
  return spec.isNorm !== true;
}

export type OptimizerType = 'adamw' | 'muon';

/** Muon updates matrices that map one vector to another; the rows of the vocabulary and all vectors are left to AdamW. */
export function usesMuon(spec: WeightSpec, optimizer: OptimizerType): boolean {
  const isMap = spec.shape.length > 1 && spec.name !== 'tokenEmbedding' && spec.name !== 'output';
  return optimizer === 'muon' && isMap;
}

/** Names of the optimizer's state for a parameter: the running means that it keeps from step to step. */
export function optimizerStates(spec: WeightSpec, optimizer: OptimizerType): string[] {
  return usesMuon(spec, optimizer) ? [meanOf(spec.name)] : [meanOf(spec.name), squareOf(spec.name)];
}
