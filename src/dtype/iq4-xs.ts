import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';
import { iq4Values } from './iq4-values.ts';

const layout = blockLayout({ d: HALF_BYTES, scalesHigh: 2, scalesLow: 4, qs: 128 });
const { scalesHigh, scalesLow, qs } = layout.at;

/** The levels of iq4_nl in blocks of 256, with a 6-bit scale for each 32: x = d(scale − 32)·level. */
export const iq4_xs = defineBlockType({
  name: 'iq4_xs',
  id: 23,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    const highs = source[at + scalesHigh] | (source[at + scalesHigh + 1] << 8);
    for (let b = 0; b < 8; b++) {
      const low = (source[at + scalesLow + (b >> 1)] >> (4 * (b & 1))) & 15;
      const scale = d * ((low | (((highs >> (2 * b)) & 3) << 4)) - 32);
      const bytes = at + qs + 16 * b;
      const first = out + 32 * b;
      for (let j = 0; j < 16; j++) {
        const byte = source[bytes + j];
        target[first + j] = scale * iq4Values[byte & 15];
        target[first + j + 16] = scale * iq4Values[byte >> 4];
      }
    }
  },
});
