/** Values of one storage type -> another, a block of a few megabytes at a time. */
import { FormatError, InternalError, UnsupportedError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type StorageType, storageBytes } from '../dtype/index.ts';
import type { RowEncoder } from '../dtype/row-encoder.ts';
import type { ValueRun } from './convert-source.ts';

// As f32 this is 4 MB: large enough for the disk, small compared with any model.
const BLOCK_ELEMENTS = 1 << 20;

/** In TypeScript, for floats and the few other types that have an encoder there. The array that it gives is used again. */
export function plainEncoder(): RowEncoder {
  let encoded = new Uint8Array(0);
  return {
    async encodeRows(type, values, numColumns, importance) {
      if (!type.encodeRow) {
        throw new UnsupportedError(`Cannot write values as ${type.name} without the native backend`, {
          code: 'no-encoder',
          hint: 'install make and a C++ compiler and run `npm rebuild`, or choose f32, f16, bf16, q8_0 or q4_0',
        });
      }
      const sizeBytes = storageBytes(type, values.length);
      if (encoded.length < sizeBytes) encoded = new Uint8Array(sizeBytes);
      for (let at = 0; at < values.length; at += numColumns)
        type.encodeRow(values, at, encoded, storageBytes(type, at), numColumns, importance);
      return encoded.subarray(0, sizeBytes);
    },
  };
}

export interface EncodeOptions {
  /** What errors call the tensor. */
  readonly name?: string;
  /** Default: in TypeScript. */
  readonly encoder?: RowEncoder | undefined;
}

/**
 * The bytes of a tensor of `shape` as `type`: of `runs`, one after the other. Bytes that already are
 * of that type pass unchanged. Always encodes whole rows, so that what is written never depends on how runs are cut. The
 * arrays it gives are used again for the next ones.
 */
export async function* encodeRuns(
  runs: readonly ValueRun[],
  type: StorageType,
  shape: readonly number[],
  { name, encoder: given }: EncodeOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const numColumns = shape[shape.length - 1];
  const rowsAtOnce = Math.max(1, Math.floor(BLOCK_ELEMENTS / numColumns));
  const isCopy = runs.every((run) => run.type === type);
  const values = new Float32Array(isCopy ? 0 : rowsAtOnce * numColumns);
  const encoder = !given || type.isFloat ? plainEncoder() : given;
  let firstRow = 0;
  for (const run of runs) {
    if (run.numElements % numColumns !== 0)
      throw new InternalError(`${run.numElements} values are not a whole number of rows of ${numColumns}`);
    for (let start = 0; start < run.numElements; start += rowsAtOnce * numColumns) {
      const count = Math.min(rowsAtOnce * numColumns, run.numElements - start);
      const offset = run.offset + storageBytes(run.type, start);
      const bytes = await run.source.read(offset, storageBytes(run.type, count));
      if (run.type === type) {
        yield bytes;
        continue;
      }
      run.type.decode(bytes, 0, values, 0, count);
      const rows = values.subarray(0, count);
      if (!type.isFloat)
        checkEncodable(rows, numColumns, firstRow + start / numColumns, [name, run.source.name]);
      yield await encoder.encodeRows(type, rows, numColumns, run.importance);
    }
    firstRow += run.numElements / numColumns;
  }
}

/** What is larger no scale of a block holds, and all of the block would be lost. */
const MAX_VALUE = 65_504;

function checkEncodable(
  values: Float32Array,
  numColumns: number,
  firstRow: number,
  [name, origin]: readonly [string | undefined, string],
): void {
  let at = 0;
  while (at < values.length && Math.abs(values[at]) <= MAX_VALUE) at++;
  if (at === values.length) return;
  const row = firstRow + Math.floor(at / numColumns);
  const isNumber = Number.isFinite(values[at]);
  throw new FormatError(
    `Cannot quantise ${name === undefined ? 'the weights' : `"${name}"`} of ${origin}: row ${formatCount(row)}, ` +
      `column ${formatCount(at % numColumns)} is ${values[at]}${isNumber ? `, more than ${formatCount(MAX_VALUE)}` : ''}`,
    {
      code: isNumber ? 'not-encodable' : 'not-a-number',
      hint: isNumber
        ? 'keep this tensor as f32 or bf16 (dots quantize --tensor-type), or check the original'
        : 'the weights are damaged, or the training went wrong: get the file again',
    },
  );
}
