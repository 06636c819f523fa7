import { describe, expect, it } from 'vitest';
import { openNativeEncoder } from '../../src/backend/native/row-encoder.ts';
import { Random } from '../../src/core/random.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import type { RowEncoder } from '../../src/dtype/row-encoder.ts';
import { nativeIsas, whyNoNative } from './stored-models.ts';

const TYPES = ['q8_0', 'q6_k', 'q5_1', 'q5_0', 'q5_k', 'q4_1', 'q4_0', 'q4_k', 'q3_k', 'q2_k'] as const;
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
  it.each(TYPES)(
    '%s: less error than plain rounding, and less still where errors count most',
    async (name) => {
      const type = storageTypeByName(name);
      const values = normalValues(4 * NUM_COLUMNS, 3);
      const weights = normalValues(NUM_COLUMNS, 4).map((value) => value ** 2);
      const encoder = encoderOn(nativeIsas().at(-1) as string, 2);
      const decode = (bytes: Uint8Array): Float32Array => {
        const decoded = new Float32Array(values.length);
        type.decode(bytes, 0, decoded, 0, values.length);
        return decoded;
      };
      const plain = decode(await encoder.encodeRows(type, values, NUM_COLUMNS));
      const weighted = decode(await encoder.encodeRows(type, values, NUM_COLUMNS, weights));
      expect(relativeError(values, weighted, weights)).toBeLessThan(relativeError(values, plain, weights));
      const bits = (8 * type.blockBytes) / type.blockElements;
      // A bound for all of them: the best scalar quantiser of normal values reaches about 2.7 times 4^-bits.
      expect(relativeError(values, plain)).toBeLessThan(6 * 4 ** -bits);
      if (!type.encodeRow) return;
      const bytes = new Uint8Array((values.length / type.blockElements) * type.blockBytes);
      type.encodeRow(values, 0, bytes, 0, values.length);
      expect(relativeError(values, plain)).toBeLessThan(relativeError(values, decode(bytes)));
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
