import { blockLayout, defineBlockType } from './define-type.ts';
import { doubledE2M1 } from './e2m1.ts';

const layout = blockLayout({ scales: 4, qs: 32 });
const { qs } = layout.at;

// UE4M3: the sign bit is ignored, 0x7f is the NaN code and counts as zero. Halved, because element values are doubled.
const scales = Float32Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x7f) return 0;
  const exponent = (byte >> 3) & 15;
  const mantissa = byte & 7;
  return 0.5 * (exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7));
});

/** 4-bit floats (E2M1) with an 8-bit float as scale for each 16 elements. Byte j of a group holds j and j + 8. */
export const nvfp4 = defineBlockType({
  name: 'nvfp4',
  id: 40,
  blockElements: 64,
  layout,
  decodeBlock(source, at, target, out) {
    for (let s = 0; s < 4; s++) {
      const scale = scales[source[at + s]];
      const first = out + 16 * s;
      for (let j = 0; j < 8; j++) {
        const byte = source[at + qs + 8 * s + j];
        target[first + j] = scale * doubledE2M1[byte & 15];
        target[first + j + 8] = scale * doubledE2M1[byte >> 4];
      }
    }
  },
});
