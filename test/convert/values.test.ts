import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeRuns } from '../../src/convert/encode-runs.ts';
import { blockLayout, defineBlockType } from '../../src/dtype/define-type.ts';
import {
  bf16,
  f16,
  f32,
  q8_0,
  type StorageType,
  storageBytes,
  storageTypeByName,
} from '../../src/dtype/index.ts';
import type { ByteSource } from '../../src/format/byte-source.ts';

/** A source that repeats itself without end. */
function repeating(bytes: Uint8Array): ByteSource {
  return {
    name: 'repeating',
    size: Number.MAX_SAFE_INTEGER,
    async read(offset, length) {
      return Uint8Array.from({ length }, (_, i) => bytes[(offset + i) % bytes.length]);
    },
    async close() {},
  };
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const copies: Uint8Array[] = [];
  for await (const piece of pieces) copies.push(piece.slice());
  return Buffer.concat(copies);
}

/** A matrix, row by row. */
function encoded(
  type: StorageType,
  values: Float32Array,
  numColumns: number,
  importance?: Float32Array,
): Uint8Array {
  const bytes = new Uint8Array(storageBytes(type, values.length));
  for (let at = 0; at < values.length; at += numColumns)
    type.encodeRow?.(values, at, bytes, storageBytes(type, at), numColumns, importance);
  return bytes;
}

function decoded(type: StorageType, bytes: Uint8Array, numElements: number): Float32Array {
  const values = new Float32Array(numElements);
  type.decode(bytes, 0, values, 0, numElements);
  return values;
}

/** One byte for each value, which depends on the value's column and its importance, as a searched code may. */
const searched = defineBlockType({
  name: 'searched',
  id: -100,
  blockElements: 4,
  layout: blockLayout({ codes: 4 }),
  decodeBlock() {},
  encodeBlock(source, at, target, out, importance, column) {
    for (let i = 0; i < 4; i++)
      target[out + i] = source[at + i] + 3 * (column + i) + (importance ? importance[column + i] : 0);
  },
});

it('encodeRuns() gives what encoding each row gives, wherever the runs of rows are cut', async () => {
  const types = fc.constantFrom(f32, f16, bf16, q8_0);
  await fc.assert(
    fc.asyncProperty(
      types,
      fc.oneof(types, fc.constant(searched)),
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
      async (from, to, numBlocks, rowsOfRuns) => {
        const numColumns = 32 * numBlocks;
        const numRows = rowsOfRuns.reduce((a, b) => a + b);
        const values = Float32Array.from({ length: numRows * numColumns }, (_, i) => 20 * Math.sin(i));
        const stored = encoded(from, values, numColumns);
        const expected = from === to ? stored : encoded(to, decoded(from, stored, values.length), numColumns);
        let row = 0;
        const runs = rowsOfRuns.map((count) => {
          const offset = storageBytes(from, row * numColumns);
          row += count;
          return { source: repeating(stored), type: from, offset, numElements: count * numColumns };
        });
        const found = await collect(encodeRuns(runs, to, [numRows, numColumns]));
        expect(Buffer.compare(found, expected)).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});

it('encodeRuns() hands each row the importance of its run: experts have one each', async () => {
  const values = Float32Array.from({ length: 4 * 8 }, (_, i) => i % 7);
  const runs = [10, 50].map((base, expert) => ({
    source: repeating(encoded(f32, values, 8)),
    type: f32,
    offset: 4 * 16 * expert,
    numElements: 16,
    importance: Float32Array.from({ length: 8 }, (_, column) => base + column),
  }));
  const expected = runs.map(({ importance }, expert) =>
    encoded(searched, values.subarray(16 * expert, 16 * (expert + 1)), 8, importance),
  );
  const found = await collect(encodeRuns(runs, searched, [2, 2, 8]));
  expect(found).toEqual(Buffer.concat(expected));
  expect(found).not.toEqual(Buffer.from(encoded(searched, values, 8)));
});

it('encodeRow() refuses an importance of another length, whether or not the type makes use of it', () => {
  for (const type of [f32, q8_0, searched])
    expect(() =>
      type.encodeRow?.(new Float32Array(32), 0, new Uint8Array(128), 0, 32, new Float32Array(31)),
    ).toThrow('internal:');
});

it('encodeRuns() never holds more than a few megabytes of a tensor', async () => {
  const numColumns = 96;
  for (const to of [f32, q8_0]) {
    let largest = 0;
    const source: ByteSource = {
      ...repeating(Uint8Array.of(0)),
      async read(_, length) {
        largest = Math.max(largest, length);
        return new Uint8Array(length);
      },
    };
    const numRows = 60_001;
    const numElements = numRows * numColumns;
    let sizeBytes = 0;
    const runs = [{ source, type: f32, offset: 0, numElements }];
    for await (const piece of encodeRuns(runs, to, [numRows, numColumns])) {
      expect(piece.length).toBeLessThanOrEqual(2 ** 22);
      sizeBytes += piece.length;
    }
    expect(largest).toBeLessThanOrEqual(2 ** 22);
    expect(sizeBytes).toBe(storageBytes(to, numElements));
  }
});

it('encodeRuns() refuses types that it cannot write', async () => {
  const runs = [{ source: repeating(Uint8Array.of(0)), type: f32, offset: 0, numElements: 256 }];
  await expect(collect(encodeRuns(runs, storageTypeByName('q6_k'), [256]))).rejects.toThrow(/q6_k/);
});

it('encodeRuns() refuses runs that end within a row', async () => {
  const runs = [{ source: repeating(Uint8Array.of(0)), type: f32, offset: 0, numElements: 48 }];
  await expect(collect(encodeRuns(runs, q8_0, [2, 32]))).rejects.toThrow('internal:');
});
