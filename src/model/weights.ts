/** What follows from the list of a model's weights, whatever its architecture. */
import type { ModelConfig, WeightSpec } from './architecture.ts';
import { architectureOf } from './architectures.ts';

/** All weights of a configuration, in the order of the forward pass. */
export function weightSpecs(config: ModelConfig): WeightSpec[] {
  return architectureOf(config).weightSpecs(config);
}

/** The Hugging Face names of a spec: one, or one for each expert; none where it has no tensor there. */
export function hfNames({ hf, shape }: WeightSpec): string[] {
  if (hf === undefined) return [];
  if (!hf.includes('{e}')) return [hf];
  return Array.from({ length: shape[0] }, (_, expert) => hf.replace('{e}', String(expert)));
}

/** Whether each expert is a tensor of its own in a Hugging Face folder. */
export function isStacked({ hf }: WeightSpec): boolean {
  return hf?.includes('{e}') === true;
}

/** A layer with experts. */
export interface RoutedLayer {
  readonly layer: number;
  /** E */
  readonly numExperts: number;
  /** K, experts for each token */
  readonly numChosen: number;
  /** The weight that balances its loads, in architectures that have one. */
  readonly bias: string | undefined;
}

/** Layers with experts, in order. */
export function routedLayers(config: ModelConfig): RoutedLayer[] {
  const specs = weightSpecs(config);
  const biases = new Map<number | undefined, string>(
    specs.flatMap(({ layer, name, trainedBy }) =>
      trainedBy === 'balancing' ? [[layer, name] as const] : [],
    ),
  );
  const found = new Map<number, RoutedLayer>();
  for (const { layer, shape, numChosen } of specs) {
    if (layer === undefined || numChosen === undefined || found.has(layer)) continue;
    found.set(layer, { layer, numExperts: shape[0], numChosen, bias: biases.get(layer) });
  }
  return [...found.values()];
}

/** Parameters in total and those used for one token (embedding table included, as the model card counts). */
export function countParameters(config: ModelConfig): { total: number; active: number } {
  let [total, active] = [0, 0];
  for (const { shape, numChosen, trainedBy } of weightSpecs(config)) {
    if (trainedBy === 'nothing') continue;
    const count = shape.reduce((a, b) => a * b, 1);
    total += count;
    active += numChosen === undefined ? count : (count / shape[0]) * numChosen;
  }
  return { total, active };
}
