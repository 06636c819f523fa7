import { codebooks } from './codebooks.ts';
import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';
import { withSign } from './signs.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 64, qh: 8, signs: 32, scales: 4 });
const { qs, qh, signs: signsAt, scales } = layout.at;

/**
 * Four elements from one of 512 codebook entries: index bit 8 lies in qh, and all signs are stored. A four-bit scale
 * for each 32 elements: x = ±d(1 + 2·scale) · entry.
 */
export const iq3_s = defineBlockType({
  name: 'iq3_s',
  id: 21,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const grid = codebooks.iq3_s();
    const d = readHalf(source, at);
    for (let b = 0; b < 8; b++) {
      const scale = d * (1 + 2 * ((source[at + scales + (b >> 1)] >> (4 * (b & 1))) & 15));
      const highs = source[at + qh + b];
      for (let l = 0; l < 4; l++) {
        // Two entries of four make one group of eight signs.
        const index = at + qs + 8 * b + 2 * l;
        const entry = 4 * (source[index] | (((highs >> (2 * l)) & 1) << 8));
        const nextEntry = 4 * (source[index + 1] | (((highs >> (2 * l + 1)) & 1) << 8));
        const signs = source[at + signsAt + 4 * b + l];
        const first = out + 32 * b + 8 * l;
        for (let j = 0; j < 4; j++) {
          target[first + j] = scale * withSign(grid[entry + j], signs, j);
          target[first + j + 4] = scale * withSign(grid[nextEntry + j], signs, j + 4);
        }
      }
    }
  },
});
