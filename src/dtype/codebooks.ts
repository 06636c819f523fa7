import {
  iq1Levels,
  iq2sLevels,
  iq2xsLevels,
  iq2xxsLevels,
  iq3sLevels,
  iq3xxsLevels,
} from './codebook-data.ts';

// Unpacked on first use (at most 16 KB each): most files need none of them.
function codebook(packed: string, levels: readonly number[]): () => Int8Array {
  let values: Int8Array | undefined;
  return () => {
    values ??= unpack(packed, levels);
    return values;
  };
}

function unpack(packed: string, levels: readonly number[]): Int8Array {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const bits = Math.ceil(Math.log2(levels.length));
  const values = new Int8Array((8 * bytes.length) / bits);
  for (let i = 0; i < values.length; i++) {
    // A level may straddle two bytes; past the last byte there is nothing left to take.
    const first = (i * bits) >> 3;
    const pair = bytes[first] | ((bytes[first + 1] ?? 0) << 8);
    values[i] = levels[(pair >> ((i * bits) & 7)) & ((1 << bits) - 1)];
  }
  return values;
}

// The uneven steps (25 and 43 rather than 24 and 40, 62 rather than 60) are meant so.
const twoBitLevels = [8, 25, 43];

/**
 * The entries of each codebook, row-major: 8 values an entry for iq1 (which serves iq1_s and iq1_m) and iq2, 4 for
 * iq3. Magnitudes, but for iq1, whose values are signed.
 */
export const codebooks = {
  iq1: codebook(iq1Levels, [-1, 0, 1]),
  iq2_xxs: codebook(iq2xxsLevels, twoBitLevels),
  iq2_xs: codebook(iq2xsLevels, twoBitLevels),
  iq2_s: codebook(iq2sLevels, twoBitLevels),
  iq3_xxs: codebook(iq3xxsLevels, [4, 12, 20, 28, 36, 44, 52, 62]),
  iq3_s: codebook(iq3sLevels, [1, 3, 5, 7, 9, 11, 13, 15]),
} as const;
