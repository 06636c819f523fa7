import { defineScalarType } from './define-type.ts';

/** bfloat16: the upper half of an f32. Encoding rounds to nearest even and keeps a NaN a (quiet) NaN. */
export const bf16 = defineScalarType({
  name: 'bf16',
  id: 30,
  sizeBytes: 2,
  isFloat: true,
  decodeRun(source, sourceOffset, target, targetOffset, numElements) {
    const view = new DataView(source.buffer, source.byteOffset + sourceOffset, 2 * numElements);
    const bits = new Int32Array(target.buffer, target.byteOffset + 4 * targetOffset, numElements);
    // Two elements a load: twice as fast as one, and models of this type spend their time here.
    const numPaired = numElements & ~1;
    for (let i = 0; i < numPaired; i += 2) {
      const pair = view.getInt32(2 * i, true);
      bits[i] = pair << 16;
      bits[i + 1] = pair & ~0xffff;
    }
    if (numPaired < numElements) bits[numPaired] = view.getUint16(2 * numPaired, true) << 16;
  },
  encodeRow(source, sourceOffset, target, targetOffset, numColumns) {
    const bits = new Uint32Array(source.buffer, source.byteOffset + 4 * sourceOffset, numColumns);
    let out = targetOffset;
    for (let i = 0; i < numColumns; i++) {
      const upper = upperHalf(bits[i]);
      target[out] = upper;
      target[out + 1] = upper >>> 8;
      out += 2;
    }
  },
});

function upperHalf(bits: number): number {
  // Rounding could carry a NaN's mantissa away and leave infinity, so a NaN only gets its quiet bit set.
  if ((bits & 0x7fff_ffff) > 0x7f80_0000) return (bits >>> 16) | 0x40;
  // Adding 0x7fff, plus one where the kept part is odd, rounds ties to even. The sum can pass 2^32 only for NaN.
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}
