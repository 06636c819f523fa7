/** GGUF files of some architectures keep the rows of some matrices in another order than Hugging Face folders. */
import type { ModelConfig, WeightSpec } from './architecture.ts';
import { weightSpecs } from './weights.ts';

/** Row r of the result's matrix is row `order[r]` of the given one; undefined where both formats agree. */
export function rowOrder(
  { shape, hfRowOf }: WeightSpec,
  from: 'gguf' | 'hf',
  to: 'gguf' | 'hf',
): Int32Array | undefined {
  if (!hfRowOf || from === to) return undefined;
  const toGguf = Int32Array.from({ length: shape[0] }, (_, row) => hfRowOf(row));
  if (to === 'gguf') return toGguf;
  const toHf = new Int32Array(shape[0]);
  toGguf.forEach((hfRow, row) => {
    toHf[hfRow] = row;
  });
  return toHf;
}

/** The same model with rows in the order of Hugging Face folders: its configuration, and how to rearrange its values. */
export function inHfOrder(config: ModelConfig): {
  readonly config: ModelConfig;
  rearrange(name: string, values: Float32Array): void;
} {
  if (!config.hasGgufRows) return { config, rearrange: () => {} };
  const { hasGgufRows: _, ...rest } = config;
  const specs = new Map(weightSpecs(config).map((spec) => [spec.name, spec]));
  return {
    config: rest,
    rearrange(name, values) {
      const spec = specs.get(name) as WeightSpec;
      const order = rowOrder(spec, 'gguf', 'hf');
      if (!order) return;
      const numColumns = values.length / order.length;
      const before = values.slice();
      order.forEach((from, row) => {
        values.set(before.subarray(from * numColumns, (from + 1) * numColumns), row * numColumns);
      });
    },
  };
}
