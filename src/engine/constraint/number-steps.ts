/** `multipleOf`, by exact decimal arithmetic: 0.07 is a multiple of 0.01, whatever their doubles say. */

/** Numbers with at most `scale` decimals whose digits, read as one whole number with that many, are multiples of `modulus`. */
export interface Step {
  readonly modulus: number;
  readonly scale: number;
}

interface Scaled {
  readonly digits: bigint;
  readonly scale: number;
}

/** The shortest decimal of a double: digits / 10^scale. */
function scaled(value: number): Scaled {
  const [mantissa, exponent = '0'] = String(Math.abs(value)).split('e');
  const [whole, fraction = ''] = mantissa.split('.');
  const scale = fraction.length - Number(exponent);
  const digits = BigInt(whole + fraction);
  return scale < 0 ? { digits: digits * 10n ** BigInt(-scale), scale: 0 } : { digits, scale };
}

export function isMultiple(value: number, step: number): boolean {
  const [a, b] = [scaled(value), scaled(step)];
  const scale = Math.max(a.scale, b.scale);
  const at = ({ digits, scale: own }: Scaled): bigint => digits * 10n ** BigInt(scale - own);
  return at(a) % at(b) === 0n;
}

/** Multiples of all the numbers, whole ones if `isInteger`; undefined if there are too many remainders to follow. */
export function commonStep(
  steps: readonly number[],
  isInteger: boolean,
  maxModulus: number,
): Step | undefined {
  const parts = [...steps, ...(isInteger ? [1] : [])].map(scaled);
  let scale = Math.max(...parts.map((part) => part.scale));
  let modulus = parts
    .map((part) => part.digits * 10n ** BigInt(scale - part.scale))
    .reduce((a, b) => (a / gcd(a, b)) * b);
  for (; scale > 0 && modulus % 10n === 0n; scale--) modulus /= 10n;
  return modulus <= BigInt(maxModulus) && scale <= 9 ? { modulus: Number(modulus), scale } : undefined;
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}
