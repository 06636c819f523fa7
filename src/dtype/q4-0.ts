import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf, writeHalf } from './half.ts';
import { inverseScale, signedExtreme } from './legacy-scale.ts';

const layout = blockLayout({ d: HALF_BYTES, qs: 16 });
const { qs } = layout.at;

/** 4-bit codes 0…15 around 8, one scale: x = d(q − 8). Byte j holds elements j (low nibble) and j + 16. */
export const q4_0 = defineBlockType({
  name: 'q4_0',
  id: 2,
  blockElements: 32,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    for (let j = 0; j < 16; j++) {
      const byte = source[at + qs + j];
      target[out + j] = d * ((byte & 15) - 8);
      target[out + j + 16] = d * ((byte >> 4) - 8);
    }
  },
  encodeBlock(source, at, target, out) {
    // The largest magnitude gets code 0, the only one at distance 8; its mirror image must do with code 15.
    const d = Math.fround(signedExtreme(source, at) / -8);
    const inverse = inverseScale(d);
    writeHalf(target, out, d);
    for (let j = 0; j < 16; j++) {
      target[out + qs + j] = code(source[at + j], inverse) | (code(source[at + j + 16], inverse) << 4);
    }
  },
});

function code(value: number, inverse: number): number {
  return Math.min(15, Math.fround(Math.fround(value * inverse) + 8.5) | 0);
}
