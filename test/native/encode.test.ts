import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openNativeEncoder } from '../../src/backend/native/row-encoder.ts';
import { Random } from '../../src/core/random.ts';
import { type StorageType, storageTypeByName, storageTypes } from '../../src/dtype/index.ts';
import type { RowEncoder } from '../../src/dtype/row-encoder.ts';
import { ENCODE_COLUMNS, encodeValues, encodeWeights } from './encode-values.ts';
import { nativeIsas, whyNoNative } from './stored-models.ts';

/** What ggml's encoders leave on the same values; see make.py there. */
const { errors: ggmlErrors } = JSON.parse(
  readFileSync(new URL('../golden/encode/ggml-errors.json', import.meta.url), 'utf8'),
) as { errors: Record<string, Record<string, { plain: number; weighted: number }>> };

const TYPES = storageTypes.filter((type) => type.id >= 0 && type.blockElements > 1);
const NUM_COLUMNS = 512;

function encoderOn(isa: string, threads: number): RowEncoder {
  const { encoder } = openNativeEncoder({ isa, threads });
  if (!encoder) throw new Error(whyNoNative);
  return encoder;
}

function normalValues(count: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => 0.02 * random.normal());
}

function relativeError(values: Float32Array, decoded: Float32Array, weights?: Float32Array): number {
  let error = 0;
  let squares = 0;
  for (const [i, value] of values.entries()) {
    const weight = weights ? weights[i % weights.length] : 1;
    error += weight * (value - decoded[i]) ** 2;
    squares += weight * value ** 2;
  }
  return error / squares;
}

describe.skipIf(whyNoNative)(`the native encoders ${whyNoNative ?? ''}`, () => {
  const best = (): RowEncoder => encoderOn(nativeIsas().at(-1) as string, 2);
  const encodeAndDecode = async (
    type: StorageType,
    values: Float32Array,
    weights?: Float32Array,
  ): Promise<Float32Array> => {
    const decoded = new Float32Array(values.length);
    type.decode(await best().encodeRows(type, values, ENCODE_COLUMNS, weights), 0, decoded, 0, values.length);
    return decoded;
  };

  it("exist for every type with block scales, and none leaves more error than ggml's", async () => {
    expect(TYPES.map(({ name }) => name).sort()).toEqual(Object.keys(ggmlErrors).sort());
    const higher: string[] = [];
    let lower = 0;
    for (const type of TYPES)
      for (const [data, values] of Object.entries(encodeValues))
        for (const weights of [undefined, encodeWeights]) {
          const error = relativeError(values, await encodeAndDecode(type, values, weights), weights);
          const theirs = ggmlErrors[type.name][data][weights ? 'weighted' : 'plain'];
          if (error > theirs * (1 + 1e-5)) higher.push(`${type.name} ${data}: ${error} instead of ${theirs}`);
          if (error < 0.99 * theirs) lower++;
        }
    expect(higher).toEqual([]);
    expect(lower).toBeGreaterThan(3.8 * TYPES.length);
  });

  it.each(TYPES.filter(({ name }) => name !== 'q1_0'))(
    '$name: importance lowers the error where it counts',
    async (type) => {
      const { normal } = encodeValues;
      const plain = await encodeAndDecode(type, normal);
      const weighted = await encodeAndDecode(type, normal, encodeWeights);
      expect(relativeError(normal, weighted, encodeWeights)).toBeLessThan(
        relativeError(normal, plain, encodeWeights),
      );
    },
  );

  it('a value that no type holds is refused by name of its row, before anything is written', async () => {
    const encoder = encoderOn('portable', 1);
    const type = storageTypeByName('q4_k');
    const values = normalValues(3 * NUM_COLUMNS, 5);
    values[2 * NUM_COLUMNS + 9] = Number.NaN;
    await expect(encoder.encodeRows(type, values, NUM_COLUMNS)).rejects.toMatchObject({
      name: 'FormatError',
      code: 'not-encodable',
      message: 'Cannot encode row 2 as q4_k: column 9 holds NaN, not a finite number',
    });
    values[NUM_COLUMNS] = -1e5;
    await expect(encoder.encodeRows(type, values, NUM_COLUMNS)).rejects.toThrow(
      'Cannot encode row 1 as q4_k: column 0 holds -100000, more than 65,504',
    );
  });

  it('rows that the blocks do not divide, and importance that is not a number, are refused', async () => {
    const encoder = encoderOn('portable', 1);
    const type = storageTypeByName('q4_k');
    await expect(encoder.encodeRows(type, new Float32Array(1408), 1408)).rejects.toMatchObject({
      code: 'partial-block',
      hint: 'use a row length that is a multiple of 256, or another type for this tensor',
    });
    const importance = new Float32Array(256).fill(1);
    importance[3] = Number.NaN;
    await expect(encoder.encodeRows(type, new Float32Array(256), 256, importance)).rejects.toMatchObject({
      code: 'bad-importance',
    });
  });
});
