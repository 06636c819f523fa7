import { blockLayout, defineBlockType } from './define-type.ts';
import { HALF_BYTES, readHalf } from './half.ts';

const layout = blockLayout({ qs: 64, d: HALF_BYTES });
const { qs, d: scaleAt } = layout.at;

/** Ternary, two bits each: x = d(q − 1). Encoders never write code 3; it decodes to 2d. */
export const tq2_0 = defineBlockType({
  name: 'tq2_0',
  id: 35,
  blockElements: 256,
  layout,
  decodeBlock(source, at, target, out) {
    const d = readHalf(source, at + scaleAt);
    for (let half = 0; half < 2; half++) {
      for (let run = 0; run < 4; run++) {
        const bytes = at + qs + 32 * half;
        const first = out + 128 * half + 32 * run;
        for (let l = 0; l < 32; l++) {
          target[first + l] = d * (((source[bytes + l] >> (2 * run)) & 3) - 1);
        }
      }
    }
  },
});
