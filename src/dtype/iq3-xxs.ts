import { codebooks } from './codebooks.ts';
import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';
import { evenSigns, withSign } from './signs.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 64, words: 32 });
const { qs, words } = layout.at;

/**
 * Four elements from one of 256 codebook entries. Each 32 elements have a u32 with four times seven sign bits and the
 * scale on top: x = ±d(0.5 + scale)/2 · entry.
 */
export const iq3_xxs = defineBlockType({
  name: 'iq3_xxs',
  id: 18,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const grid = codebooks.iq3_xxs();
    const d = readHalf(source, at);
    for (let b = 0; b < 8; b++) {
      const wordAt = at + words + 4 * b;
      const word =
        source[wordAt] | (source[wordAt + 1] << 8) | (source[wordAt + 2] << 16) | (source[wordAt + 3] << 24);
      const scale = d * (0.5 + (word >>> 28)) * 0.5;
      for (let l = 0; l < 4; l++) {
        // Two entries of four make one group of eight signs.
        const entry = 4 * source[at + qs + 8 * b + 2 * l];
        const nextEntry = 4 * source[at + qs + 8 * b + 2 * l + 1];
        const signs = evenSigns[(word >> (7 * l)) & 127];
        const first = out + 32 * b + 8 * l;
        for (let j = 0; j < 4; j++) {
          target[first + j] = scale * withSign(grid[entry + j], signs, j);
          target[first + j + 4] = scale * withSign(grid[nextEntry + j], signs, j + 4);
        }
      }
    }
  },
});
