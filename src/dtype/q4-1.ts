import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf, writeHalf } from './half.ts';
import { affineCode, inverseScale, maximum, minimum } from './legacy-scale.ts';

const layout = blockLayout({ d: HALF_BYTES, m: HALF_BYTES, qs: 16 });
const { m: min, qs } = layout.at;

/** 4-bit codes 0…15, a scale and a minimum: x = dq + m. Byte j holds elements j (low nibble) and j + 16. */
export const q4_1 = defineBlockType({
  name: 'q4_1',
  id: 3,
  blockElements: 32,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    const m = readHalf(source, at + min);
    for (let j = 0; j < 16; j++) {
      const byte = source[at + qs + j];
      target[out + j] = d * (byte & 15) + m;
      target[out + j + 16] = d * (byte >> 4) + m;
    }
  },
  encodeBlock(source, at, target, out) {
    const m = minimum(source, at);
    const d = Math.fround(Math.fround(maximum(source, at) - m) / 15);
    const inverse = inverseScale(d);
    writeHalf(target, out, d);
    writeHalf(target, out + min, m);
    for (let j = 0; j < 16; j++) {
      const low = affineCode(source[at + j], m, inverse, 15);
      const high = affineCode(source[at + j + 16], m, inverse, 15);
      target[out + qs + j] = low | (high << 4);
    }
  },
});
