import { codebooks } from './codebooks.ts';
import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 32, qh: 16 });
const { qs, qh } = layout.at;

/**
 * Eight elements from one of 2,048 ternary codebook entries. Each 32 elements have a u16 with the upper three bits of
 * four indices, a three-bit scale and the sign of the shift δ: x = d(2·scale + 1)(entry ± 1/8).
 */
export const iq1_s = defineBlockType({
  name: 'iq1_s',
  id: 19,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const grid = codebooks.iq1();
    const d = readHalf(source, at);
    for (let b = 0; b < 8; b++) {
      const word = source[at + qh + 2 * b] | (source[at + qh + 2 * b + 1] << 8);
      // In eighths, so that entry and shift add up as integers.
      const scale = d * (2 * ((word >> 12) & 7) + 1) * 0.125;
      const shift = word & 0x8000 ? -1 : 1;
      for (let l = 0; l < 4; l++) {
        const entry = 8 * (source[at + qs + 4 * b + l] | (((word >> (3 * l)) & 7) << 8));
        const first = out + 32 * b + 8 * l;
        for (let j = 0; j < 8; j++) target[first + j] = scale * (8 * grid[entry + j] + shift);
      }
    }
  },
});
