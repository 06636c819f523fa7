/**
 * Weights of eight-bit floats, whose values are those of the tensor times a scale that lies next to it: one for all
 * (`weight_scale`), one for each row, or one for each block (`weight_scale_inv` of DeepSeek's files, which is multiplied,
 * too). They are read as f32, so that nothing after this file has to know scales.
 */
import { FormatError } from '../core/errors.ts';
import { storageTypeByName } from '../dtype/index.ts';
import type { ByteSource } from './byte-source.ts';
import type { JsonObject } from './hf-folder.ts';
import { checkRead } from './read-checks.ts';
import type { StoredTensor } from './stored-tensor.ts';

const SCALES = ['_scale_inv', '_scale'];
/** What would round activations or cached keys and values; ours keep all their bits. */
const ACTIVATION_SCALE = /\.(?:input_scale|output_scale|[kvq]_scale|input_activation_scale)$/;
const DEFAULT_BLOCK: readonly [number, number] = [128, 128];

/** The tensors of a folder with every scaled weight as f32, and without the scales. Throws `FormatError` for scales that don't fit. */
export function applyScales(
  tensors: ReadonlyMap<string, StoredTensor>,
  config: JsonObject,
): ReadonlyMap<string, StoredTensor> {
  const scaled = new Map<string, StoredTensor>();
  const applied = new Set<string>();
  const block = blockOf(config);
  for (const [name, tensor] of tensors) {
    if (!tensor.type.name.startsWith('f8_')) continue;
    const scale = SCALES.map((ending) => tensors.get(name + ending)).find((found) => found !== undefined);
    if (!scale) continue;
    applied.add(scale.name);
    scaled.set(name, scaledTensor(tensor, scale, block));
  }
  if (applied.size === 0) return tensors;
  const kept = [...tensors].filter(([name]) => !applied.has(name) && !ACTIVATION_SCALE.test(name));
  return new Map(kept.map(([name, tensor]) => [name, scaled.get(name) ?? tensor]));
}

function blockOf(config: JsonObject): readonly [number, number] {
  const quantization = asObject(config.quantization_config);
  const groups = Object.values(asObject(quantization.config_groups)).map((group) =>
    asObject(asObject(group).weights),
  );
  const given = [quantization.weight_block_size, ...groups.map((weights) => weights.block_structure)];
  const found = given.find((value) => Array.isArray(value) && value.length === 2) as number[] | undefined;
  return found?.every((size) => Number.isSafeInteger(size) && size > 0)
    ? [found[0], found[1]]
    : DEFAULT_BLOCK;
}

function scaledTensor(
  tensor: StoredTensor,
  scale: StoredTensor,
  block: readonly [number, number],
): StoredTensor {
  const numColumns = tensor.shape.at(-1) ?? 1;
  const numRows = product(tensor.shape) / Math.max(1, numColumns);
  const [rows, columns] = scaledSize(tensor, scale, [numRows, numColumns], block);
  const scalesPerRow = Math.ceil(numColumns / columns);
  let values: Promise<Float32Array> | undefined;
  const sizeBytes = numRows * numColumns * 4;
  return {
    name: tensor.name,
    type: storageTypeByName('f32'),
    fileType: tensor.type,
    shape: tensor.shape,
    source: scaledSource(tensor, sizeBytes, async (products, first) => {
      values ??= decoded(scale, 0, product(scale.shape));
      const scales = await values;
      for (let i = 0; i < products.length; i++) {
        const row = Math.floor((first + i) / numColumns);
        const column = (first + i) % numColumns;
        products[i] *= scales[Math.floor(row / rows) * scalesPerRow + Math.floor(column / columns)];
      }
    }),
    offset: 0,
    sizeBytes,
  };
}

async function decoded(
  { source, offset, type }: StoredTensor,
  first: number,
  count: number,
): Promise<Float32Array> {
  const values = new Float32Array(count);
  type.decode(
    await source.read(offset + first * type.blockBytes, count * type.blockBytes),
    0,
    values,
    0,
    count,
  );
  return values;
}

/** Rows and columns that one scale is for. */
function scaledSize(
  tensor: StoredTensor,
  scale: StoredTensor,
  [numRows, numColumns]: readonly [number, number],
  block: readonly [number, number],
): readonly [number, number] {
  const numScales = product(scale.shape);
  const candidates: (readonly [number, number])[] =
    scale.shape.length === 2 && scale.shape[1] > 1
      ? [block]
      : [[numRows, numColumns], [1, numColumns], block];
  for (const [rows, columns] of candidates) {
    const grid = [Math.ceil(numRows / rows), Math.ceil(numColumns / columns)];
    const fits =
      scale.shape.length === 2 && scale.shape[1] > 1
        ? grid.every((n, i) => n === scale.shape[i])
        : grid[0] * grid[1] === numScales;
    if (fits) return [rows, columns];
  }
  throw new FormatError(
    `Cannot apply ${scale.name}: it is [${scale.shape}] for a weight of [${tensor.shape}]`,
    {
      code: 'wrong-tensors',
      hint: `scales are one number, one for each row, or one for each block of ${block.join(' × ')}`,
    },
  );
}

/** The values as f32 bytes, computed for each read; `scale` multiplies those from element `first` on. */
function scaledSource(
  tensor: StoredTensor,
  size: number,
  scale: (values: Float32Array, first: number) => Promise<void>,
): ByteSource {
  return {
    name: tensor.source.name,
    size,
    async read(from, length) {
      checkRead(tensor.name, size, from, length);
      const first = Math.floor(from / 4);
      const values = await decoded(tensor, first, Math.ceil((from + length) / 4) - first);
      await scale(values, first);
      return new Uint8Array(values.buffer, from - 4 * first, length);
    },
    // The file belongs to its folder.
    close: async () => {},
  };
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}
