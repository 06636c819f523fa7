import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';
import { K_SCALES_BYTES, kMin, kScale } from './k-scales.ts';

const layout = blockLayout({ d: HALF_BYTES, dmin: HALF_BYTES, scales: K_SCALES_BYTES, qs: 128 });
const { dmin: minAt, scales, qs } = layout.at;

/** 4-bit codes; each 32 elements have a 6-bit scale and a 6-bit minimum: x = d·scale·q − dmin·min. */
export const q4_k = defineBlockType({
  name: 'q4_k',
  id: 12,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    const dmin = readHalf(source, at + minAt);
    // Sub-blocks come in pairs: 32 bytes hold one in their low nibbles and the next in their high nibbles.
    for (let s = 0; s < 8; s += 2) {
      const scaleLow = d * kScale(source, at + scales, s);
      const scaleHigh = d * kScale(source, at + scales, s + 1);
      const minLow = dmin * kMin(source, at + scales, s);
      const minHigh = dmin * kMin(source, at + scales, s + 1);
      const bytes = at + qs + 16 * s;
      const first = out + 32 * s;
      for (let l = 0; l < 32; l++) {
        const byte = source[bytes + l];
        target[first + l] = scaleLow * (byte & 15) - minLow;
        target[first + l + 32] = scaleHigh * (byte >> 4) - minHigh;
      }
    }
  },
});
