import { codebooks } from './codebooks.ts';
import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';
import { evenSigns, withSign } from './signs.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 64 });
const { qs } = layout.at;

/**
 * Eight elements from one of 256 codebook entries. Each 32 elements take eight bytes: four indices, then a u32 with
 * four times seven sign bits and the scale on top: x = ±d(0.5 + scale)/4 · entry.
 */
export const iq2_xxs = defineBlockType({
  name: 'iq2_xxs',
  id: 16,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const grid = codebooks.iq2_xxs();
    const d = readHalf(source, at);
    for (let b = 0; b < 8; b++) {
      const group = at + qs + 8 * b;
      const word =
        source[group + 4] | (source[group + 5] << 8) | (source[group + 6] << 16) | (source[group + 7] << 24);
      const scale = d * (0.5 + (word >>> 28)) * 0.25;
      for (let l = 0; l < 4; l++) {
        const entry = 8 * source[group + l];
        const signs = evenSigns[(word >> (7 * l)) & 127];
        const first = out + 32 * b + 8 * l;
        for (let j = 0; j < 8; j++) target[first + j] = scale * withSign(grid[entry + j], signs, j);
      }
    }
  },
});
