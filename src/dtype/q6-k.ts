import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';

const layout = blockLayout({ ql: 128, qh: 64, scales: 16, d: HALF_BYTES });
const { ql, qh, scales, d: scaleAt } = layout.at;

/** 6-bit codes −32…31, a signed byte as scale for each 16 elements: x = d·scale·q. */
export const q6_k = defineBlockType({
  name: 'q6_k',
  id: 14,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at + scaleAt);
    for (let s = 0; s < 16; s++) {
      const scale = d * ((source[at + scales + s] << 24) >> 24);
      // Each half block of 128 elements is four runs of 32. Runs 0 and 1 are the low nibbles of its 64 ql bytes,
      // runs 2 and 3 the high ones; all four share 32 qh bytes, two bits each.
      const half = s >> 3;
      const run = (s & 7) >> 1;
      const low = at + ql + 64 * half + 32 * (run & 1) + 16 * (s & 1);
      const high = at + qh + 32 * half + 16 * (s & 1);
      const lowShift = 4 * (run >> 1);
      const highShift = 2 * run;
      for (let l = 0; l < 16; l++) {
        const code = ((source[low + l] >> lowShift) & 15) | (((source[high + l] >> highShift) & 3) << 4);
        target[out + 16 * s + l] = scale * (code - 32);
      }
    }
  },
});
