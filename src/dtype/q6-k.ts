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
    // Each half block of 128 elements is four runs of 32. Runs 0 and 1 are the low nibbles of its 64 ql bytes, runs 2
    // and 3 the high ones; all four share 32 qh bytes, two bits each. Every run has a scale for either half of it.
    for (let part = 0; part < 4; part++) {
      const half = part >> 1;
      const low = at + ql + 64 * half + 16 * (part & 1);
      const high = at + qh + 32 * half + 16 * (part & 1);
      const scale = at + scales + 8 * half + (part & 1);
      const scale0 = d * signedByte(source[scale]);
      const scale1 = d * signedByte(source[scale + 2]);
      const scale2 = d * signedByte(source[scale + 4]);
      const scale3 = d * signedByte(source[scale + 6]);
      const first = out + 128 * half + 16 * (part & 1);
      for (let l = 0; l < 16; l++) {
        const even = source[low + l];
        const odd = source[low + l + 32];
        const tops = source[high + l];
        target[first + l] = scale0 * (((even & 15) | ((tops & 3) << 4)) - 32);
        target[first + l + 32] = scale1 * (((odd & 15) | ((tops & 12) << 2)) - 32);
        target[first + l + 64] = scale2 * (((even >> 4) | (tops & 48)) - 32);
        target[first + l + 96] = scale3 * (((odd >> 4) | ((tops & 192) >> 2)) - 32);
      }
    }
  },
});

function signedByte(byte: number): number {
  return (byte << 24) >> 24;
}
