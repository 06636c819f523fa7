// The formulas of test/golden/dtype/make.py: blocks and values that need no recording.

const specialHalves = [0x0000, 0x8000, 0x0001, 0x83ff, 0x7bff, 0xfbff];

/** States of a linear congruential generator; the upper bits are the good ones. */
export function lcg(seed: number, count: number): Uint32Array {
  const states = new Uint32Array(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    states[i] = state;
  }
  return states;
}

/** Blocks of random bytes whose halves (at byte offsets `halves`) are finite; special ones in the first six. */
export function randomBlocks(
  id: number,
  blockBytes: number,
  halves: readonly number[],
  numBlocks: number,
): Uint8Array {
  const bytes = Uint8Array.from(lcg(id + 1, numBlocks * blockBytes), (state) => state >>> 24);
  for (let b = 0; b < numBlocks; b++) {
    const block = bytes.subarray(b * blockBytes, (b + 1) * blockBytes);
    for (const [field, at] of halves.entries()) {
      block[at + 1] &= 0xbf;
      if (b >= specialHalves.length) continue;
      const half = specialHalves[(b + field) % specialHalves.length];
      block[at] = half;
      block[at + 1] = half >> 8;
    }
  }
  return bytes;
}

/** The same for iq1_m, whose half is spread over the top nibbles of the bytes 49, 51, 53 and 55. */
export function spreadSpecialHalves(bytes: Uint8Array, blockBytes: number): void {
  for (let b = 0; b < bytes.length / blockBytes; b++) {
    const block = bytes.subarray(b * blockBytes, (b + 1) * blockBytes);
    block[55] &= 0xbf;
    if (b >= specialHalves.length) continue;
    for (let k = 0; k < 4; k++) {
      block[49 + 2 * k] = (block[49 + 2 * k] & 15) | (((specialHalves[b] >> (4 * k)) & 15) << 4);
    }
  }
}

/** 512 blocks of 32 values: cubes of uniform numbers at five scales, after ten special blocks. */
export function randomValues(): Float32Array {
  const values = new Float32Array(512 * 32);
  for (const [i, state] of lcg(7, values.length).entries()) {
    const uniform = (state >>> 8) / 2 ** 23 - 1;
    const cube = Math.fround(Math.fround(uniform * uniform) * uniform);
    values[i] = cube * 2 ** [0, -10, -20, 10, 3][(i >> 5) % 5];
  }
  for (let j = 0; j < 32; j++) {
    values[j] = 0;
    values[32 + j] = 0.5;
    values[64 + j] = j / 32;
    values[96 + j] = j === 9 ? -3 : 0; // one outlier
    values[128 + j] = j === 0 ? 127 : j - 15.5; // ties, for a scale of one
    values[160 + j] = j % 2 === 0 ? 1.5 : -1.5; // which of equal magnitudes comes first
    // Just below a tie, by so little that adding the half in f32 reaches it: one block for each legacy type.
    values[192 + j] = j === 0 ? -8 : (j % 15) - (6.5 + 2 ** -21);
    values[224 + j] = j === 0 ? -16 : (j % 31) - (14.5 + 2 ** -20);
    values[256 + j] = j < 2 ? 15 * j : 0.5 - 2 ** -25;
    values[288 + j] = j < 2 ? 31 * j : 0.5 - 2 ** -25;
  }
  return values;
}

/** 65,536 f32 bit patterns of every kind: any sign, exponent and mantissa, but no NaN. */
export function randomFloatBits(): Uint32Array {
  return lcg(11, 65_536).map((bits) => ((bits & 0x7fff_ffff) > 0x7f80_0000 ? bits & 0xff80_0000 : bits));
}
