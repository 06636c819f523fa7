// The codebooks hold magnitudes; signs are separate, bit j for element j of a group of eight.

/**
 * Seven stored bits to eight signs: the eighth makes the number of minus signs even. Encoders arrange for that, and
 * so save a bit in eight.
 */
export const evenSigns = Uint8Array.from({ length: 128 }, (_, bits) => bits | (parity(bits) << 7));

/** `magnitude`, negated where bit `j` of `signs` is set. Without a branch: signs are random, so it would mispredict. */
export function withSign(magnitude: number, signs: number, j: number): number {
  const minus = -((signs >> j) & 1);
  return (magnitude ^ minus) - minus;
}

function parity(bits: number): number {
  let odd = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) odd ^= 1;
  return odd;
}
