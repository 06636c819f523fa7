import { defineScalarType } from './define-type.ts';
import { HALF_BYTES, halfFromFloatBits, halfTable } from './half.ts';

/** IEEE binary16. Encoding rounds to nearest even; values above 65,519 become infinite. */
export const f16 = defineScalarType({
  name: 'f16',
  id: 1,
  sizeBytes: HALF_BYTES,
  isFloat: true,
  decodeRun(source, sourceOffset, target, targetOffset, numElements) {
    const half = halfTable();
    const view = new DataView(source.buffer, source.byteOffset + sourceOffset, 2 * numElements);
    for (let i = 0; i < numElements; i++) target[targetOffset + i] = half[view.getUint16(2 * i, true)];
  },
  encodeRow(source, sourceOffset, target, targetOffset, numColumns) {
    // Bits, not numbers: JavaScript may rewrite a NaN that passes through a number.
    const bits = new Uint32Array(source.buffer, source.byteOffset + 4 * sourceOffset, numColumns);
    let out = targetOffset;
    for (let i = 0; i < numColumns; i++) {
      const half = halfFromFloatBits(bits[i]);
      target[out] = half;
      target[out + 1] = half >>> 8;
      out += 2;
    }
  },
});
