import type { Store, TensorSpec } from '../backend/store.ts';
import { InternalError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import type { StoredWeight } from '../graph/stored-weight.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { inHfOrder } from '../model/row-order.ts';
import { weightSpecs } from '../model/weights.ts';
import { gradientOf, trainedSpecs } from './names.ts';
import { type OptimizerType, optimizerStates } from './optimizer.ts';

/**
 * All tensors of a training run: parameters, sums of gradients, the optimiser's means. Sixteen bytes for each parameter, and
 * twelve for those that are Muon's.
 */
export function storeSpecs(config: ModelConfig, optimizer: OptimizerType): TensorSpec[] {
  const trained = trainedSpecs(config);
  return [
    ...weightSpecs(config).map(({ name, shape }) => ({ name, shape })),
    ...trained.map(({ name, shape }) => ({ name: gradientOf(name), shape })),
    ...trained.flatMap((spec) =>
      optimizerStates(spec, optimizer).map((name) => ({ name, shape: spec.shape })),
    ),
  ];
}

/**
 * Matrices N(0, std²), norm weights 1, biases 0 (report §4.1), in the order of the forward pass: one seed, one model. A small
 * model learns sooner with a wider embedding: with one `std` for all, what the first layers add drowns which token it was.
 */
export function initialise(
  store: Store,
  config: ModelConfig,
  { std, embeddingStd = std, seed }: { std: number; embeddingStd?: number; seed: number },
): void {
  const random = new Random(seed);
  for (const spec of weightSpecs(config)) {
    const values = store.array(spec.name);
    if (spec.isNorm) values.fill(1);
    else if (spec.fallback) values.set(spec.fallback());
    else {
      const scale = spec.name === 'tokenEmbedding' ? embeddingStd : std;
      for (let i = 0; i < values.length; i++) values[i] = scale * random.normal();
    }
  }
}

/**
 * Copy a model's weights into the store, whatever type they are stored in; `config` says the order of their rows. The
 * store's is that of Hugging Face folders.
 */
export async function copyWeights(
  store: Store,
  weights: ReadonlyMap<string, StoredWeight>,
  config: ModelConfig,
): Promise<void> {
  const { rearrange } = inHfOrder(config);
  for (const [name, weight] of weights) {
    const target = store.array(name);
    let at = 0;
    for (const part of weight.parts) {
      const bytes = await part.read();
      const count = (bytes.length / weight.type.blockBytes) * weight.type.blockElements;
      weight.type.decode(bytes, 0, target, at, count);
      at += count;
    }
    if (at !== target.length) throw new InternalError(`${name} has ${at} values, expected ${target.length}`);
    rearrange(name, target);
  }
}
