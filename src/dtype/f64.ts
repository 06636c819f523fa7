import { defineScalarType } from './define-type.ts';

/** IEEE binary64, rounded to f32 on decoding. */
export const f64 = defineScalarType({
  name: 'f64',
  id: 28,
  sizeBytes: 8,
  isFloat: true,
  decodeRun(source, sourceOffset, target, targetOffset, numElements) {
    const view = new DataView(source.buffer, source.byteOffset + sourceOffset, 8 * numElements);
    for (let i = 0; i < numElements; i++) target[targetOffset + i] = view.getFloat64(8 * i, true);
  },
});
