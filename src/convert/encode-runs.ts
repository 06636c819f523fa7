/** Values of one storage type -> another, a block of a few megabytes at a time. */
import { UnsupportedError } from '../core/errors.ts';
import { type StorageType, storageBytes } from '../dtype/index.ts';
import type { ValueRun } from './convert-source.ts';

// A multiple of every block size. As f32 this is 4 MB: large enough for the disk, small compared with any model.
const BLOCK_ELEMENTS = 1 << 20;

/**
 * The bytes of `runs`, one after the other, as `type`; zeros if there are none. Bytes that already are of that type pass
 * unchanged. The arrays it gives are used again for the next ones.
 */
export async function* encodeRuns(
  runs: readonly ValueRun[],
  type: StorageType,
  numElements: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (runs.length === 0) yield* zeros(storageBytes(type, numElements));
  const block = runs.some((run) => run.type !== type) ? scratch(type) : undefined;
  for (const run of runs) {
    for (let start = 0; start < run.numElements; start += BLOCK_ELEMENTS) {
      const count = Math.min(BLOCK_ELEMENTS, run.numElements - start);
      const offset = run.offset + storageBytes(run.type, start);
      const bytes = await run.source.read(offset, storageBytes(run.type, count));
      if (!block || run.type === type) {
        yield bytes;
        continue;
      }
      run.type.decode(bytes, 0, block.values, 0, count);
      block.encode(block.values, 0, block.bytes, 0, count);
      yield block.bytes.subarray(0, storageBytes(type, count));
    }
  }
}

function scratch(type: StorageType): {
  readonly values: Float32Array;
  readonly bytes: Uint8Array;
  readonly encode: NonNullable<StorageType['encode']>;
} {
  if (!type.encode) {
    throw new UnsupportedError(`Cannot write values as ${type.name}`, {
      code: 'no-encoder',
      hint: 'convert to f32, f16, bf16 or q8_0',
    });
  }
  return {
    values: new Float32Array(BLOCK_ELEMENTS),
    bytes: new Uint8Array(storageBytes(type, BLOCK_ELEMENTS)),
    encode: type.encode,
  };
}

function* zeros(sizeBytes: number): Generator<Uint8Array, void, undefined> {
  const block = new Uint8Array(Math.min(sizeBytes, BLOCK_ELEMENTS));
  for (let left = sizeBytes; left > 0; left -= block.length) yield block.subarray(0, left);
}
