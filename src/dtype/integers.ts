import { defineScalarType } from './define-type.ts';

// Integers appear in files as index tables, never as weights; decoding them to f32 serves printing and inspection.

/** Signed bytes. */
export const i8 = defineScalarType({
  name: 'i8',
  id: 24,
  sizeBytes: 1,
  isFloat: false,
  decodeRun(source, sourceOffset, target, targetOffset, numElements) {
    for (let i = 0; i < numElements; i++) target[targetOffset + i] = (source[sourceOffset + i] << 24) >> 24;
  },
});

/** Signed 16-bit integers. */
export const i16 = defineScalarType({
  name: 'i16',
  id: 25,
  sizeBytes: 2,
  isFloat: false,
  decodeRun(source, sourceOffset, target, targetOffset, numElements) {
    const view = new DataView(source.buffer, source.byteOffset + sourceOffset, 2 * numElements);
    for (let i = 0; i < numElements; i++) target[targetOffset + i] = view.getInt16(2 * i, true);
  },
});

/** Signed 32-bit integers, rounded to f32. */
export const i32 = defineScalarType({
  name: 'i32',
  id: 26,
  sizeBytes: 4,
  isFloat: false,
  decodeRun(source, sourceOffset, target, targetOffset, numElements) {
    const view = new DataView(source.buffer, source.byteOffset + sourceOffset, 4 * numElements);
    for (let i = 0; i < numElements; i++) target[targetOffset + i] = view.getInt32(4 * i, true);
  },
});

/** Signed 64-bit integers, rounded to f32. */
export const i64 = defineScalarType({
  name: 'i64',
  id: 27,
  sizeBytes: 8,
  isFloat: false,
  decodeRun(source, sourceOffset, target, targetOffset, numElements) {
    const view = new DataView(source.buffer, source.byteOffset + sourceOffset, 8 * numElements);
    for (let i = 0; i < numElements; i++) {
      const high = view.getInt32(8 * i + 4, true);
      let low = view.getUint32(8 * i, true);
      // Past 2^53 the sum below would round once to a double and again to f32. Folding the low 11 bits into one
      // "something was here" bit keeps the sum exact, so only the second rounding is left.
      if ((high < -0x10_0000 || high >= 0x10_0000) && (low & 0x7ff) !== 0)
        low = ((low & ~0x7ff) | 0x400) >>> 0;
      target[targetOffset + i] = high * 2 ** 32 + low;
    }
  },
});
