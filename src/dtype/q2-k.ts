import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';

const layout = blockLayout({ scales: 16, qs: 64, d: HALF_BYTES, dmin: HALF_BYTES });
const { scales, qs, d: scaleAt, dmin: minAt } = layout.at;

/** 2-bit codes; each 16 elements have a 4-bit scale and a 4-bit minimum: x = d·scale·q − dmin·min. */
export const q2_k = defineBlockType({
  name: 'q2_k',
  id: 10,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at + scaleAt);
    const dmin = readHalf(source, at + minAt);
    for (let s = 0; s < 16; s++) {
      const packed = source[at + scales + s];
      const scale = d * (packed & 15);
      const min = dmin * (packed >> 4);
      // A byte holds elements i, i + 32, i + 64 and i + 96 of its half block, lowest bits first.
      const bytes = at + qs + 32 * (s >> 3) + 16 * (s & 1);
      const shift = s & 6;
      for (let l = 0; l < 16; l++) {
        target[out + 16 * s + l] = scale * ((source[bytes + l] >> shift) & 3) - min;
      }
    }
  },
});
