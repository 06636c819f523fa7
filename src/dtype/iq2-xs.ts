import { codebooks } from './codebooks.ts';
import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';
import { evenSigns, withSign } from './signs.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 64, scales: 8 });
const { qs, scales } = layout.at;

/**
 * Eight elements from one of 512 codebook entries: a u16 holds a nine-bit index and seven sign bits. A four-bit scale
 * for each 16 elements: x = ±d(0.5 + scale)/4 · entry.
 */
export const iq2_xs = defineBlockType({
  name: 'iq2_xs',
  id: 17,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const grid = codebooks.iq2_xs();
    const d = readHalf(source, at);
    for (let g = 0; g < 32; g++) {
      const scale = d * (0.5 + ((source[at + scales + (g >> 2)] >> (2 * (g & 2))) & 15)) * 0.25;
      const word = source[at + qs + 2 * g] | (source[at + qs + 2 * g + 1] << 8);
      const entry = 8 * (word & 511);
      const signs = evenSigns[word >> 9];
      const first = out + 8 * g;
      for (let j = 0; j < 8; j++) target[first + j] = scale * withSign(grid[entry + j], signs, j);
    }
  },
});
