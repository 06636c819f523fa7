/** Values of one storage type -> another, a block of a few megabytes at a time. */
import { InternalError, UnsupportedError } from '../core/errors.ts';
import { type StorageType, storageBytes } from '../dtype/index.ts';
import type { ValueRun } from './convert-source.ts';

// As f32 this is 4 MB: large enough for the disk, small compared with any model.
const BLOCK_ELEMENTS = 1 << 20;

/**
 * The bytes of a tensor of `shape` as `type`: of `runs`, one after the other. Bytes that already are
 * of that type pass unchanged. Always encodes whole rows, so that what is written never depends on how runs are cut. The
 * arrays it gives are used again for the next ones.
 */
export async function* encodeRuns(
  runs: readonly ValueRun[],
  type: StorageType,
  shape: readonly number[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const numColumns = shape[shape.length - 1];
  const rowsAtOnce = Math.max(1, Math.floor(BLOCK_ELEMENTS / numColumns));
  const encodeRow = encoderOf(type, runs);
  const values = new Float32Array(encodeRow ? rowsAtOnce * numColumns : 0);
  const encoded = new Uint8Array(storageBytes(type, values.length));
  for (const run of runs) {
    if (run.numElements % numColumns !== 0)
      throw new InternalError(`${run.numElements} values are not a whole number of rows of ${numColumns}`);
    for (let start = 0; start < run.numElements; start += rowsAtOnce * numColumns) {
      const count = Math.min(rowsAtOnce * numColumns, run.numElements - start);
      const offset = run.offset + storageBytes(run.type, start);
      const bytes = await run.source.read(offset, storageBytes(run.type, count));
      if (!encodeRow || run.type === type) {
        yield bytes;
        continue;
      }
      run.type.decode(bytes, 0, values, 0, count);
      for (let at = 0; at < count; at += numColumns)
        encodeRow(values, at, encoded, storageBytes(type, at), numColumns, run.importance);
      yield encoded.subarray(0, storageBytes(type, count));
    }
  }
}

/** Undefined where nothing needs to be encoded. */
function encoderOf(type: StorageType, runs: readonly ValueRun[]): StorageType['encodeRow'] {
  if (runs.every((run) => run.type === type)) return undefined;
  if (type.encodeRow) return type.encodeRow;
  throw new UnsupportedError(`Cannot write values as ${type.name}`, {
    code: 'no-encoder',
    hint: 'convert to f32, f16, bf16 or q8_0',
  });
}
