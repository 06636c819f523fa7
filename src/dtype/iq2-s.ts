import { codebooks } from './codebooks.ts';
import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';
import { withSign } from './signs.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 32, signs: 32, qh: 8, scales: 8 });
const { qs, signs: signsAt, qh, scales } = layout.at;

/**
 * Eight elements from one of 1,024 codebook entries: index bits 8 and 9 lie in qh, and all eight signs are stored. A
 * four-bit scale for each 16 elements: x = ±d(0.5 + scale)/4 · entry.
 */
export const iq2_s = defineBlockType({
  name: 'iq2_s',
  id: 22,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const grid = codebooks.iq2_s();
    const d = readHalf(source, at);
    for (let g = 0; g < 32; g++) {
      const scale = d * (0.5 + ((source[at + scales + (g >> 2)] >> (2 * (g & 2))) & 15)) * 0.25;
      const high = (source[at + qh + (g >> 2)] >> (2 * (g & 3))) & 3;
      const entry = 8 * (source[at + qs + g] | (high << 8));
      const signs = source[at + signsAt + g];
      const first = out + 8 * g;
      for (let j = 0; j < 8; j++) target[first + j] = scale * withSign(grid[entry + j], signs, j);
    }
  },
});
