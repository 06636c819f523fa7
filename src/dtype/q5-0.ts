import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf, writeHalf } from './half.ts';
import { inverseScale, signedExtreme, writeFiveBitCodes } from './legacy-scale.ts';

const layout = blockLayout({ d: HALF_BYTES, qh: 4, qs: 16 });
const { qh, qs } = layout.at;

/** 5-bit codes 0…31 around 16, one scale: x = d(q − 16). Nibbles as in q4_0; the fifth bits lie apart in qh. */
export const q5_0 = defineBlockType({
  name: 'q5_0',
  id: 6,
  blockElements: 32,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    const fifthLow = source[at + qh] | (source[at + qh + 1] << 8);
    const fifthHigh = source[at + qh + 2] | (source[at + qh + 3] << 8);
    for (let j = 0; j < 16; j++) {
      const byte = source[at + qs + j];
      target[out + j] = d * (((byte & 15) | (((fifthLow >> j) & 1) << 4)) - 16);
      target[out + j + 16] = d * (((byte >> 4) | (((fifthHigh >> j) & 1) << 4)) - 16);
    }
  },
  encodeBlock(source, at, target, out) {
    const d = Math.fround(signedExtreme(source, at) / -16);
    const inverse = inverseScale(d);
    writeHalf(target, out, d);
    for (let j = 0; j < 32; j++) {
      codes[j] = Math.min(31, Math.fround(Math.fround(source[at + j] * inverse) + 16.5) | 0);
    }
    writeFiveBitCodes(codes, target, out + qh, out + qs);
  },
});

const codes = new Uint8Array(32);
