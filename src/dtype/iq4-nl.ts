import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';
import { iq4Values } from './iq4-values.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 16 });
const { qs } = layout.at;

/** 4-bit codes into a table of 16 uneven levels, one scale. Nibbles as in q4_0. */
export const iq4_nl = defineBlockType({
  name: 'iq4_nl',
  id: 20,
  blockElements: 32,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    for (let j = 0; j < 16; j++) {
      const byte = source[at + qs + j];
      target[out + j] = d * iq4Values[byte & 15];
      target[out + j + 16] = d * iq4Values[byte >> 4];
    }
  },
});
