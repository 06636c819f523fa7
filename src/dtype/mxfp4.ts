import { blockLayout, defineBlockType } from './define-type.ts';
import { doubledE2M1 } from './e2m1.ts';

const layout = blockLayout({ e: 1, qs: 16 });
const { qs } = layout.at;

// An E8M0 scale is a bare exponent with bias 127; one less here, because the element values are doubled. Doubles,
// because the smallest scale (2^-128) is below the normal f32 range. Source: OCP Microscaling Formats 1.0.
const scales = Float64Array.from({ length: 256 }, (_, e) => 2 ** (e - 128));

/** 4-bit floats (E2M1) with a power of two as scale. Nibbles as in q4_0. */
export const mxfp4 = defineBlockType({
  name: 'mxfp4',
  id: 39,
  blockElements: 32,
  layout,
  decodeBlock(source, at, target, out) {
    const scale = scales[source[at]];
    for (let j = 0; j < 16; j++) {
      const byte = source[at + qs + j];
      target[out + j] = scale * doubledE2M1[byte & 15];
      target[out + j + 16] = scale * doubledE2M1[byte >> 4];
    }
  },
});
