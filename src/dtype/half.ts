// IEEE binary16 ("half"), the type of nearly every block scale.

/** Bytes of a half, for block layouts. */
export const HALF_BYTES = 2;

// One load per scale instead of a branchy conversion: 65,536 floats (256 KB), filled on first use so that programs
// which only read headers don't pay for it.
let table: Float32Array | undefined;

/** All 65,536 halves as f32, indexed by their bits. */
export function halfTable(): Float32Array {
  table ??= buildTable();
  return table;
}

/** The little-endian half at `at`, as a number. Subnormals, infinities and NaN included. */
export function readHalf(source: Uint8Array, at: number): number {
  return halfTable()[source[at] | (source[at + 1] << 8)];
}

/** Store `value` as a little-endian half at `at`. */
export function writeHalf(target: Uint8Array, at: number, value: number): void {
  scratchFloat[0] = value;
  const half = halfFromFloatBits(scratchBits[0]);
  target[at] = half;
  target[at + 1] = half >>> 8;
}

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/**
 * Bits of an f32 -> bits of the nearest half, ties to even. Above 65,519 gives infinity; a NaN becomes the quiet NaN
 * of the same sign.
 */
export function halfFromFloatBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude >= 0x4780_0000) return magnitude > 0x7f80_0000 ? sign | 0x7e00 : sign | 0x7c00;
  if (magnitude >= 0x3880_0000) {
    // Normal: move the exponent's bias from 127 to 15, then round away 13 bits. A carry out of the mantissa
    // raises the exponent, up to infinity, which is what rounding should do.
    const rebiased = magnitude - 0x3800_0000;
    return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
  }
  // Half of the smallest subnormal, 2^-25, is a tie and goes to the even neighbour: zero.
  if (magnitude <= 0x3300_0000) return sign;
  // Subnormal: count in units of 2^-24. The implicit leading one becomes a plain bit.
  const shift = 126 - (magnitude >>> 23);
  const mantissa = (magnitude & 0x7f_ffff) | 0x80_0000;
  const kept = mantissa >>> shift;
  const dropped = mantissa & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return sign | (kept + (dropped > middle || (dropped === middle && (kept & 1) === 1) ? 1 : 0));
}

function buildTable(): Float32Array {
  const values = new Float32Array(65_536);
  const bits = new Uint32Array(values.buffer);
  for (let half = 0; half < 65_536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 31;
    const mantissa = half & 1023;
    if (exponent === 0) {
      // Zero or subnormal: every one of them is a normal f32, so plain arithmetic is exact; the sign comes after.
      values[half] = mantissa * 2 ** -24;
      bits[half] |= sign;
    } else {
      const rebiased = exponent === 31 ? 255 : exponent + 112;
      bits[half] = sign | (rebiased << 23) | (mantissa << 13);
    }
  }
  return values;
}
