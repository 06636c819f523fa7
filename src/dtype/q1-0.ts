import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 16 });
const { qs } = layout.at;

/** Signs only, 128 to a scale: x = +d where the element's bit is set, −d where it is not. Lowest bit first. */
export const q1_0 = defineBlockType({
  name: 'q1_0',
  id: 41,
  blockElements: 128,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    for (let byteIndex = 0; byteIndex < 16; byteIndex++) {
      const byte = source[at + qs + byteIndex];
      for (let j = 0; j < 8; j++) target[out + 8 * byteIndex + j] = d * (((byte >> j) & 1) * 2 - 1);
    }
  },
});
