import { type StorageType, storageBytes } from '../dtype/index.ts';
import type { StoredTensor } from '../format/stored-tensor.ts';

export interface WeightError {
  readonly name: string;
  readonly type: string;
  /** Root mean square of the differences, as a part of that of the base's values. */
  readonly error: number;
}

/** Values of each tensor that are compared, in runs of whole rows spread over it. */
const SAMPLE_ELEMENTS = 1 << 16;
const NUM_RUNS = 8;

/** How far the weights of two files of one model are apart, tensor by tensor; largest first. Tensors of other names are left out. */
export async function weightErrors(
  base: ReadonlyMap<string, StoredTensor>,
  other: ReadonlyMap<string, StoredTensor>,
): Promise<WeightError[]> {
  const errors: WeightError[] = [];
  for (const [name, b] of other) {
    const a = base.get(name);
    if (!a || String(a.shape) !== String(b.shape) || a.type === b.type) continue;
    let [squares, differences] = [0, 0];
    const columns = a.shape[a.shape.length - 1];
    const rows = a.shape.reduce((x, y) => x * y, 1) / columns;
    const perRun = Math.max(
      1,
      Math.min(Math.floor(rows / NUM_RUNS), Math.ceil(SAMPLE_ELEMENTS / NUM_RUNS / columns)),
    );
    for (let run = 0; run < Math.min(NUM_RUNS, rows); run++) {
      const first = Math.floor((run * rows) / NUM_RUNS);
      const count = Math.min(perRun, rows - first) * columns;
      const [x, y] = [await valuesOf(a, first * columns, count), await valuesOf(b, first * columns, count)];
      for (let i = 0; i < count; i++) {
        squares += x[i] ** 2;
        differences += (x[i] - y[i]) ** 2;
      }
    }
    if (squares > 0) errors.push({ name, type: b.type.name, error: Math.sqrt(differences / squares) });
  }
  return errors.sort((a, b) => b.error - a.error);
}

async function valuesOf(
  { source, type, offset }: { source: StoredTensor['source']; type: StorageType; offset: number },
  start: number,
  count: number,
): Promise<Float32Array> {
  const values = new Float32Array(count);
  type.decode(
    await source.read(offset + storageBytes(type, start), storageBytes(type, count)),
    0,
    values,
    0,
    count,
  );
  return values;
}
