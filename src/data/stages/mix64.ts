/** An order of documents that looks random and is always the same: Steele, Lea and Flood, "Fast splittable pseudorandom number generators". */
const MASK = (1n << 64n) - 1n;

/** A bijection of 64-bit numbers for each key, as a signed number. */
export function mix64(value: bigint, key: bigint): bigint {
  let z = (value + (key + 1n) * 0x9e3779b97f4a7c15n) & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return BigInt.asIntN(64, z ^ (z >> 31n));
}
