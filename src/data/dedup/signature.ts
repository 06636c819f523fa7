/** Signatures as they are stored, and the bands of locality-sensitive hashing. */
import { FormatError, UnsupportedError, UsageError } from '../../core/errors.ts';
import { MINHASH_VERSION, NUM_BANDS } from './minhash-family.ts';

/** `DMHS`, then 16-bit version, 16-bit tokens of a shingle, 32-bit number of minima, then the minima; little-endian. */
const MAGIC = 0x53_48_4d_44;
const HEADER_BYTES = 12;
/** A minimum that no shingle reached. */
const NOTHING = 0xffffffff;

export interface Signature {
  readonly shingleTokens: number;
  readonly minima_H: Uint32Array;
}

export function encodeSignature({ shingleTokens, minima_H }: Signature): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(HEADER_BYTES + 4 * minima_H.length));
  bytes.setUint32(0, MAGIC, true);
  bytes.setUint16(4, MINHASH_VERSION, true);
  bytes.setUint16(6, shingleTokens, true);
  bytes.setUint32(8, minima_H.length, true);
  minima_H.forEach((minimum, i) => {
    bytes.setUint32(HEADER_BYTES + 4 * i, minimum, true);
  });
  return new Uint8Array(bytes.buffer);
}

/** Throws `FormatError` for bytes that are not a signature, `UnsupportedError` for one of another version. */
export function decodeSignature(stored: Uint8Array): Signature {
  const bytes = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  if (stored.byteLength < HEADER_BYTES || bytes.getUint32(0, true) !== MAGIC) {
    throw badSignature(`${stored.byteLength} bytes do not start as one`);
  }
  const version = bytes.getUint16(4, true);
  if (version !== MINHASH_VERSION) {
    throw new UnsupportedError(
      `Cannot compare with a MinHash signature of version ${version}: this release makes version ${MINHASH_VERSION}`,
      {
        code: 'signature-version',
        hint: 'make the signatures of the earlier batches again from their texts',
      },
    );
  }
  const numHashes = bytes.getUint32(8, true);
  if (stored.byteLength !== HEADER_BYTES + 4 * numHashes) {
    throw badSignature(`it holds ${stored.byteLength - HEADER_BYTES} bytes for ${numHashes} minima`);
  }
  const minima_H = Uint32Array.from({ length: numHashes }, (_, i) =>
    bytes.getUint32(HEADER_BYTES + 4 * i, true),
  );
  return { shingleTokens: bytes.getUint16(6, true), minima_H };
}

function badSignature(found: string): FormatError {
  return new FormatError(`Cannot read a MinHash signature: ${found}`, {
    code: 'bad-signature',
    hint: 'the file was damaged; make the signatures again from the texts',
  });
}

/** Estimate of the Jaccard similarity: the share of equal minima. Its standard error is √(s(1 − s) / numHashes). */
export function estimateJaccard(a_H: Uint32Array, b_H: Uint32Array): number {
  let numEqual = 0;
  for (let i = 0; i < a_H.length; i++) if (a_H[i] === b_H[i]) numEqual++;
  return numEqual / a_H.length;
}

/**
 * A 64-bit key for each band of minima, as pairs of words, the lower one first: equal where all minima of the band are
 * equal. The number of the band is part of the key. Empty for a document without shingles, which resembles nothing.
 * Throws `UsageError` where the bands do not divide the minima.
 */
export function bandKeys(minima_H: Uint32Array, numBands: number = NUM_BANDS): Uint32Array {
  const numRows = minima_H.length / numBands;
  if (!Number.isInteger(numRows) || numRows === 0) {
    throw new UsageError(`Cannot divide ${minima_H.length} minima into ${numBands} bands`, {
      code: 'bad-bands',
      hint: 'choose a number of bands that divides the number of minima, such as 128 for 2048',
    });
  }
  // A permutation has the value 2^32 - 1 once, so that a document with shingles has it everywhere by no chance.
  if (minima_H.every((minimum) => minimum === NOTHING)) return new Uint32Array(0);
  const keys = new Uint32Array(2 * numBands);
  for (let band = 0; band < numBands; band++) {
    // Two lanes of murmur3's mixing, with multipliers of their own.
    let low = Math.imul(band + 1, 0x9e3779b1);
    let high = Math.imul(band + 1, 0x85ebca77) ^ 0x27d4eb2f;
    for (let row = 0; row < numRows; row++) {
      const minimum = minima_H[band * numRows + row];
      low = Math.imul(low ^ Math.imul(minimum, 0xcc9e2d51), 0x1b873593);
      low ^= low >>> 15;
      high = Math.imul(high ^ Math.imul(minimum, 0xc2b2ae3d), 0x2545f491);
      high ^= high >>> 13;
    }
    keys[2 * band] = finish(low);
    keys[2 * band + 1] = finish(high);
  }
  return keys;
}

/** The end of murmur3: every bit of the result depends on every bit of h. */
function finish(h: number): number {
  let mixed = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
