import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';

const layout = blockLayout({ hmask: 32, qs: 64, scales: 12, d: HALF_BYTES });
const { hmask, qs, scales, d: scaleAt } = layout.at;

/** 3-bit codes −4…3, a 6-bit scale for each 16 elements: x = d(scale − 32)q. Two bits in qs, the third in hmask. */
export const q3_k = defineBlockType({
  name: 'q3_k',
  id: 11,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at + scaleAt);
    for (let s = 0; s < 16; s++) {
      const low = (source[at + scales + (s & 7)] >> (4 * (s >> 3))) & 15;
      const high = (source[at + scales + 8 + (s & 3)] >> (2 * (s >> 2))) & 3;
      const scale = d * ((low | (high << 4)) - 32);
      const bytes = at + qs + 32 * (s >> 3) + 16 * (s & 1);
      const masks = at + hmask + 16 * (s & 1);
      const shift = s & 6;
      const bit = s >> 1;
      for (let l = 0; l < 16; l++) {
        // The mask bit is inverted: set means "do not subtract 4", as if it were the third bit of code + 4.
        const code = ((source[bytes + l] >> shift) & 3) | (((source[masks + l] >> bit) & 1) << 2);
        target[out + 16 * s + l] = scale * (code - 4);
      }
    }
  },
});
