// How the 32-element types choose scales and codes. Every step rounds to f32 (`Math.fround`) because the reference
// encoders work in f32, and files should not depend on which program wrote them.

/** The value of largest magnitude among 32, with its sign; the first of equals. */
export function signedExtreme(source: Float32Array, at: number): number {
  let extreme = source[at];
  for (let j = 1; j < 32; j++) {
    if (Math.abs(source[at + j]) > Math.abs(extreme)) extreme = source[at + j];
  }
  return extreme;
}

export function minimum(source: Float32Array, at: number): number {
  let least = source[at];
  for (let j = 1; j < 32; j++) if (source[at + j] < least) least = source[at + j];
  return least;
}

export function maximum(source: Float32Array, at: number): number {
  let greatest = source[at];
  for (let j = 1; j < 32; j++) if (source[at + j] > greatest) greatest = source[at + j];
  return greatest;
}

/** 1/d in f32, from the scale before it is rounded to a half; 0 for a block of zeros. */
export function inverseScale(d: number): number {
  return d === 0 ? 0 : Math.fround(1 / d);
}

/** The code 0…`most` of a value above minimum `m`. */
export function affineCode(value: number, m: number, inverse: number, most: number): number {
  const steps = Math.fround(Math.fround(value - m) * inverse);
  return Math.min(most, Math.fround(steps + 0.5) | 0);
}

/** Store 32 codes of five bits: bit 4 of code j as bit j of the u32 at `fifthAt`, the rest as nibbles at `nibblesAt`. */
export function writeFiveBitCodes(
  codes: Uint8Array,
  target: Uint8Array,
  fifthAt: number,
  nibblesAt: number,
): void {
  let fifth = 0;
  for (let j = 0; j < 32; j++) fifth |= (codes[j] >> 4) << j;
  for (let byte = 0; byte < 4; byte++) target[fifthAt + byte] = fifth >>> (8 * byte);
  for (let j = 0; j < 16; j++) target[nibblesAt + j] = (codes[j] & 15) | ((codes[j + 16] & 15) << 4);
}
