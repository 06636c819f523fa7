/**
 * The hash functions of MinHash, and plain TypeScript for what native/shingles.cc and native/kernels/minhash.cc compute:
 * the definition that both are compared with.
 */

/** Version of everything that a signature's values depend on: shingles, family, seed. Raise it when one of them changes. */
export const MINHASH_VERSION = 1;

/** The report's numbers (§4.1, appendix C): 5-grams, 2048 minima in 128 bands of 16 rows. */
export const NUM_HASHES = 2048;
export const NUM_BANDS = 128;
export const SHINGLE_TOKENS = 5;

const MASK_64 = (1n << 64n) - 1n;
const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
const MIXER = 0xff51afd7ed558ccdn;

/** Function i of a shingle x is `(x ^ flips[i]) * multipliers[i]` mod 2^32. */
export interface MinhashFamily {
  readonly flips_H: Int32Array;
  /** Odd, so that every function is a permutation. */
  readonly multipliers_H: Int32Array;
}

/** Drawn by splitmix64 (Steele et al. 2014) from one seed: lower half the flip, upper half the multiplier. */
export function minhashFamily(numHashes: number = NUM_HASHES): MinhashFamily {
  const flips_H = new Int32Array(numHashes);
  const multipliers_H = new Int32Array(numHashes);
  let state = 0x646f74732e747301n;
  for (let i = 0; i < numHashes; i++) {
    state = (state + 0x9e3779b97f4a7c15n) & MASK_64;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK_64;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK_64;
    z ^= z >> 31n;
    flips_H[i] = Number(z & 0xffffffffn) | 0;
    multipliers_H[i] = Number(z >> 32n) | 1;
  }
  return { flips_H, multipliers_H };
}

/** Hashes of all shingles of a text whose tokens single spaces separate, in order. */
export function shingleHashes(tokens: string, shingleTokens: number = SHINGLE_TOKENS): bigint[] {
  const encoder = new TextEncoder();
  const tokenHashes = tokens
    .split(' ')
    .filter((token) => token !== '')
    .map((token) => {
      let hash = FNV_OFFSET;
      for (const byte of encoder.encode(token)) hash = ((hash ^ BigInt(byte)) * FNV_PRIME) & MASK_64;
      return hash;
    });
  if (tokenHashes.length === 0) return [];
  const hashes: bigint[] = [];
  const last = Math.max(0, tokenHashes.length - shingleTokens);
  for (let start = 0; start <= last; start++) {
    let hash = FNV_OFFSET;
    for (const token of tokenHashes.slice(start, start + shingleTokens)) {
      hash = ((hash ^ token) * MIXER) & MASK_64;
      hash ^= hash >> 32n;
    }
    hashes.push(hash);
  }
  return hashes;
}

/** The set of shingle hashes as rising 64-bit words, little-endian. */
export function shingleSetReference(tokens: string, shingleTokens: number = SHINGLE_TOKENS): Uint8Array {
  const sorted = [...new Set(shingleHashes(tokens, shingleTokens))].sort((a, b) => (a < b ? -1 : 1));
  const bytes = new DataView(new ArrayBuffer(8 * sorted.length));
  sorted.forEach((hash, i) => {
    bytes.setBigUint64(8 * i, hash, true);
  });
  return new Uint8Array(bytes.buffer);
}

/** The least value of each function over the shingles; all 2^32 - 1 where there are none. */
export function minimaReference(
  tokens: string,
  { flips_H, multipliers_H }: MinhashFamily,
  shingleTokens: number = SHINGLE_TOKENS,
): Uint32Array {
  const minima_H = new Uint32Array(flips_H.length).fill(0xffffffff);
  for (const hash of shingleHashes(tokens, shingleTokens)) {
    const x = Number(hash >> 32n) | 0;
    for (let i = 0; i < minima_H.length; i++) {
      const value = Math.imul(x ^ flips_H[i], multipliers_H[i]) >>> 0;
      if (value < minima_H[i]) minima_H[i] = value;
    }
  }
  return minima_H;
}
