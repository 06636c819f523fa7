import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf, writeHalf } from './half.ts';
import { affineCode, inverseScale, maximum, minimum, writeFiveBitCodes } from './legacy-scale.ts';

const layout = blockLayout({ d: HALF_BYTES, m: HALF_BYTES, qh: 4, qs: 16 });
const { m: min, qh, qs } = layout.at;

/** 5-bit codes 0…31, a scale and a minimum: x = dq + m. Nibbles as in q4_1; the fifth bits lie apart in qh. */
export const q5_1 = defineBlockType({
  name: 'q5_1',
  id: 7,
  blockElements: 32,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    const m = readHalf(source, at + min);
    const fifthLow = source[at + qh] | (source[at + qh + 1] << 8);
    const fifthHigh = source[at + qh + 2] | (source[at + qh + 3] << 8);
    for (let j = 0; j < 16; j++) {
      const byte = source[at + qs + j];
      target[out + j] = d * ((byte & 15) | (((fifthLow >> j) & 1) << 4)) + m;
      target[out + j + 16] = d * ((byte >> 4) | (((fifthHigh >> j) & 1) << 4)) + m;
    }
  },
  encodeBlock(source, at, target, out) {
    const m = minimum(source, at);
    const d = Math.fround(Math.fround(maximum(source, at) - m) / 31);
    const inverse = inverseScale(d);
    writeHalf(target, out, d);
    writeHalf(target, out + min, m);
    for (let j = 0; j < 32; j++) codes[j] = affineCode(source[at + j], m, inverse, 31);
    writeFiveBitCodes(codes, target, out + qh, out + qs);
  },
});

const codes = new Uint8Array(32);
