// q4_k and q5_k keep eight 6-bit scales and eight 6-bit minima in 12 bytes: bytes 0-3 hold scales 0-3 and bytes 4-7
// minima 0-3 in their low six bits; bytes 8-11 hold the low nibbles of scale and minimum 4-7, whose top two bits
// fill the top of bytes 0-3 and 4-7.

/** Bytes that eight packed scales and minima take. */
export const K_SCALES_BYTES = 12;

/** Scale (0…63) of sub-block `s` (0…7) in the 12 bytes at `at`. */
export function kScale(source: Uint8Array, at: number, s: number): number {
  if (s < 4) return source[at + s] & 63;
  return (source[at + s + 4] & 15) | ((source[at + s - 4] >> 6) << 4);
}

/** Minimum (0…63) of sub-block `s` (0…7) in the 12 bytes at `at`. */
export function kMin(source: Uint8Array, at: number, s: number): number {
  if (s < 4) return source[at + s + 4] & 63;
  return (source[at + s + 4] >> 4) | ((source[at + s] >> 6) << 4);
}
