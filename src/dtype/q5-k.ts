import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';
import { K_SCALES_BYTES, kMin, kScale } from './k-scales.ts';

const layout = blockLayout({
  d: HALF_BYTES,
  dmin: HALF_BYTES,
  scales: K_SCALES_BYTES,
  qh: 32,
  qs: 128,
});
const { dmin: minAt, scales, qh, qs } = layout.at;

/** As q4_k with a fifth bit: bit s of qh[l] belongs to element l of sub-block s. */
export const q5_k = defineBlockType({
  name: 'q5_k',
  id: 13,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at);
    const dmin = readHalf(source, at + minAt);
    for (let s = 0; s < 8; s += 2) {
      const scaleLow = d * kScale(source, at + scales, s);
      const scaleHigh = d * kScale(source, at + scales, s + 1);
      const minLow = dmin * kMin(source, at + scales, s);
      const minHigh = dmin * kMin(source, at + scales, s + 1);
      const bytes = at + qs + 16 * s;
      const first = out + 32 * s;
      for (let l = 0; l < 32; l++) {
        const byte = source[bytes + l];
        const fifths = source[at + qh + l] >> s;
        target[first + l] = scaleLow * ((byte & 15) | ((fifths & 1) << 4)) - minLow;
        target[first + l + 32] = scaleHigh * ((byte >> 4) | ((fifths & 2) << 3)) - minHigh;
      }
    }
  },
});
