import { defineScalarType } from './define-type.ts';

// Files and typed arrays are both little-endian, so this is a copy of bytes. The two views cost less than one
// element at a time, even for short rows, and a source offset need not be a multiple of four.
function asBytes(values: Float32Array, offset: number, numElements: number): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset + 4 * offset, 4 * numElements);
}

/** IEEE binary32. */
export const f32 = defineScalarType({
  name: 'f32',
  id: 0,
  sizeBytes: 4,
  isFloat: true,
  decodeRun(source, sourceOffset, target, targetOffset, numElements) {
    const bytes = source.subarray(sourceOffset, sourceOffset + 4 * numElements);
    asBytes(target, targetOffset, numElements).set(bytes);
  },
  encodeRow(source, sourceOffset, target, targetOffset, numColumns) {
    target.set(asBytes(source, sourceOffset, numColumns), targetOffset);
  },
});
