import { codebooks } from './codebooks.ts';
import { blockLayout, defineBlockType } from './define-type.ts';
import { halfTable } from './half.ts';

const layout = blockLayout({ qs: 32, qh: 16, scales: 8 });
const { qs, qh, scales } = layout.at;

/**
 * The codebook of iq1_s with a three-bit scale for each 16 elements and a shift for each 8. There is no field for d:
 * its bits are the top nibbles of the four u16 that hold four scales each. x = d(2·scale + 1)(entry ± 1/8).
 */
export const iq1_m = defineBlockType({
  name: 'iq1_m',
  id: 29,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const grid = codebooks.iq1();
    const d = halfTable()[spreadHalf(source, at + scales)];
    for (let g = 0; g < 32; g++) {
      const s = g >> 1;
      const wordAt = at + scales + 2 * (s >> 2);
      const word = source[wordAt] | (source[wordAt + 1] << 8);
      const scale = d * (2 * ((word >> (3 * (s & 3))) & 7) + 1) * 0.125;
      const nibble = (source[at + qh + s] >> (4 * (g & 1))) & 15;
      const entry = 8 * (source[at + qs + g] | ((nibble & 7) << 8));
      const shift = nibble & 8 ? -1 : 1;
      const first = out + 8 * g;
      for (let j = 0; j < 8; j++) target[first + j] = scale * (8 * grid[entry + j] + shift);
    }
  },
});

// The lowest nibble of the half comes from the first u16.
function spreadHalf(source: Uint8Array, at: number): number {
  return (
    (source[at + 1] >> 4) |
    (source[at + 3] & 0xf0) |
    ((source[at + 5] & 0xf0) << 4) |
    ((source[at + 7] & 0xf0) << 8)
  );
}
