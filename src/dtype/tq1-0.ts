import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';

const layout = blockLayout({ qs: 48, qh: 4, d: HALF_BYTES });
const { qs, qh, d: scaleAt } = layout.at;

/**
 * Ternary, five base-3 digits a byte: x = d(t − 1). A byte stores its digits as a fraction of 256, most significant
 * digit first, so multiplying by 3 pushes the next digit out at the top and no division is needed.
 */
export const tq1_0 = defineBlockType({
  name: 'tq1_0',
  id: 34,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at + scaleAt);
    decodeDigits(source, at + qs, 32, 5, d, target, out);
    decodeDigits(source, at + qs + 32, 16, 5, d, target, out + 160);
    decodeDigits(source, at + qh, 4, 4, d, target, out + 240);
  },
});

// Digit n of all `numBytes` bytes makes one run, then digit n + 1 of all of them.
function decodeDigits(
  source: Uint8Array,
  at: number,
  numBytes: number,
  numDigits: number,
  d: number,
  target: Float32Array,
  out: number,
): void {
  let power = 1;
  for (let n = 0; n < numDigits; n++) {
    for (let j = 0; j < numBytes; j++) {
      const rest = (source[at + j] * power) & 255;
      target[out + numBytes * n + j] = d * (((rest * 3) >> 8) - 1);
    }
    power *= 3;
  }
}
