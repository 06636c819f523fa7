/** Signatures and shingle sets of documents, by the native kernels where they are built and by plain TypeScript elsewhere. */
import { bestIsa, loadAddon, type NativeAddon, type NativeDevice } from '../../backend/native/addon.ts';
import { ResourceError, UnsupportedError } from '../../core/errors.ts';
import { dedupTokens, type Segmenter } from './dedup-tokens.ts';
import {
  type MinhashFamily,
  minhashFamily,
  minimaReference,
  NUM_HASHES,
  SHINGLE_TOKENS,
  shingleSetReference,
} from './minhash-family.ts';
import { normaliseText } from './normalise.ts';

export interface MinhashOptions {
  /** For Chinese text; see `loadJieba`. */
  readonly segmenter?: Segmenter;
  /** A multiple of 64; default 2048. */
  readonly numHashes?: number;
  /** Tokens of a shingle, 1 to 16; default 5. */
  readonly shingleTokens?: number;
  /** An instruction set other than the best one, or `reference` for plain TypeScript; for tests and measurements. */
  readonly isa?: string;
}

/** Every method throws `UnsupportedError` for Chinese text without a segmenter. */
export interface Minhasher {
  /** What computes: an instruction set, or `reference`. */
  readonly isa: string;
  /** N(text) as tokens, joined by single spaces. */
  tokens(text: string): string;
  /** The least value of each hash function over the shingles of N(text). */
  minima(text: string): Uint32Array;
  /** The same of tokens that are joined by single spaces. */
  minimaOfTokens(tokens: string): Uint32Array;
  /** Hashes of the shingles of N(text): rising 64-bit words, little-endian. */
  shingleSet(text: string): Uint8Array;
}

/** Throws `UnsupportedError` for an instruction set that this machine lacks. */
export function openMinhasher(options: MinhashOptions = {}): Minhasher {
  const { segmenter, numHashes = NUM_HASHES, shingleTokens = SHINGLE_TOKENS } = options;
  const family = minhashFamily(numHashes);
  const { isa, minimaOfTokens, setOfTokens } = openKernels(family, shingleTokens, options.isa);
  const tokens = (text: string): string => dedupTokens(normaliseText(text), segmenter);
  return {
    isa,
    tokens,
    minimaOfTokens,
    minima: (text) => minimaOfTokens(tokens(text)),
    shingleSet: (text) => setOfTokens(tokens(text)),
  };
}

interface Kernels {
  readonly isa: string;
  minimaOfTokens(tokens: string): Uint32Array;
  setOfTokens(tokens: string): Uint8Array;
}

function openKernels(family: MinhashFamily, shingleTokens: number, wanted: string | undefined): Kernels {
  const { addon } = wanted === 'reference' ? { addon: undefined } : loadAddon();
  if (!addon) {
    return {
      isa: 'reference',
      minimaOfTokens: (tokens) => minimaReference(tokens, family, shingleTokens),
      setOfTokens: (tokens) => shingleSetReference(tokens, shingleTokens),
    };
  }
  const isa = wanted ?? bestIsa(addon);
  const device = openDevice(addon, isa);
  const { flips_H, multipliers_H } = family;
  return {
    isa,
    minimaOfTokens: (tokens) => {
      const bytes = addon.minhash(Buffer.from(tokens), shingleTokens, flips_H, multipliers_H, device);
      return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    },
    setOfTokens: (tokens) => {
      try {
        return addon.shingles(Buffer.from(tokens), shingleTokens);
      } catch (cause) {
        throw new ResourceError(`Cannot list the shingles of a document: ${(cause as Error).message}`, {
          code: 'out-of-memory',
          hint: 'drop overlong documents first (the rule too-many-words), or end other programs',
          cause,
        });
      }
    },
  };
}

/** The kernels run on the caller's thread: one thread is all that the device needs. */
function openDevice(addon: NativeAddon, isa: string): NativeDevice {
  if (addon.isas().includes(isa)) return addon.openDevice(isa, 1);
  throw new UnsupportedError(`The instruction set ${isa} cannot be used on this machine`, {
    code: 'unsupported-isa',
    hint: `omit the option to use ${bestIsa(addon)}, or choose one of ${addon.isas().join(', ')}`,
  });
}

/** |A ∩ B| / |A ∪ B| of two shingle sets; two empty sets are equal. */
export function jaccard(a: Uint8Array, b: Uint8Array): number {
  const left = words(a);
  const right = words(b);
  const { length: leftLength } = left;
  const { length: rightLength } = right;
  if (leftLength + rightLength === 0) return 1;
  let numShared = 0;
  // Two words for each hash, the lower one first.
  for (let i = 0, j = 0; i < leftLength && j < rightLength; ) {
    const order = left[i + 1] - right[j + 1] || left[i] - right[j];
    if (order === 0) numShared++;
    if (order <= 0) i += 2;
    if (order >= 0) j += 2;
  }
  return numShared / ((leftLength + rightLength) / 2 - numShared);
}

function words(set: Uint8Array): Uint32Array {
  const aligned = set.byteOffset % 4 === 0 ? set : set.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
