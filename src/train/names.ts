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
