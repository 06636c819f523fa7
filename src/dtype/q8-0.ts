import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf, writeHalf } from './half.ts';
import { inverseScale, signedExtreme } from './legacy-scale.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 32 });
const { qs } = layout.at;

/** Signed bytes with one scale: x = dq. */
export const q8_0 = defineBlockType({
  name: 'q8_0',
  id: 8,
  blockElements: 32,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    for (let j = 0; j < 32; j++) target[out + j] = d * ((source[at + qs + j] << 24) >> 24);
  },
  encodeBlock(source, at, target, out) {
    const d = Math.fround(Math.abs(signedExtreme(source, at)) / 127);
    const inverse = inverseScale(d);
    writeHalf(target, out, d);
    for (let j = 0; j < 32; j++) {
      const steps = Math.fround(source[at + j] * inverse);
      // Halves go away from zero. Truncating the sum is exact here: |steps| <= 127, so the double holds it all.
      target[out + qs + j] = steps < 0 ? (steps - 0.5) | 0 : (steps + 0.5) | 0;
    }
  },
});
