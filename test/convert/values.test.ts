import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeRuns } from '../../src/convert/encode-runs.ts';
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

function encoded(type: StorageType, values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(storageBytes(type, values.length));
  type.encode?.(values, 0, bytes, 0, values.length);
  return bytes;
}

it('encodeRuns() gives what encoding everything at once would give', async () => {
  const types = fc.constantFrom(f32, f16, bf16, q8_0);
  await fc.assert(
    fc.asyncProperty(
      types,
      types,
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
      async (from, to, sizes) => {
        const all = sizes.map((blocks, r) =>
          Float32Array.from({ length: 32 * blocks }, (_, i) => Math.sin(i + 7 * r)),
        );
        const runs = all.map((values) => ({
          source: repeating(encoded(from, values)),
          type: from,
          offset: 0,
          numElements: values.length,
        }));
        const expected = all.map((values) => {
          if (from === to) return encoded(from, values);
          const decoded = new Float32Array(values.length);
          from.decode(encoded(from, values), 0, decoded, 0, values.length);
          return encoded(to, decoded);
        });
        const numElements = all.reduce((sum, values) => sum + values.length, 0);
        expect(Buffer.concat(expected).equals(await collect(encodeRuns(runs, to, numElements)))).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
});

it('encodeRuns() never holds more than a few megabytes of a tensor', async () => {
  for (const to of [f32, q8_0]) {
    let largest = 0;
    const source: ByteSource = {
      ...repeating(Uint8Array.of(0)),
      async read(_, length) {
        largest = Math.max(largest, length);
        return new Uint8Array(length);
      },
    };
    const numElements = 5 * 2 ** 20 + 64;
    let sizeBytes = 0;
    for await (const piece of encodeRuns([{ source, type: f32, offset: 0, numElements }], to, numElements)) {
      expect(piece.length).toBeLessThanOrEqual(2 ** 22);
      sizeBytes += piece.length;
    }
    expect(largest).toBeLessThanOrEqual(2 ** 22);
    expect(sizeBytes).toBe(storageBytes(to, numElements));
  }
});

it('encodeRuns() refuses types that it cannot write', async () => {
  const runs = [{ source: repeating(Uint8Array.of(0)), type: f32, offset: 0, numElements: 256 }];
  await expect(collect(encodeRuns(runs, storageTypeByName('q6_k'), 256))).rejects.toThrow(/q6_k/);
});
