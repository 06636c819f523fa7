import type { StorageType } from '../dtype/storage-type.ts';

/**
 * The data of a graph's weight, as a backend gets it: what it is and where its bytes are. A GGUF tensor is one part; the experts of a
 * Hugging Face folder are one part each, in order along the first axis.
 */
export interface StoredWeight {
  readonly name: string;
  readonly type: StorageType;
  /** Row-major, outermost axis first. */
  readonly shape: readonly number[];
  readonly parts: readonly WeightPart[];
}

export interface WeightPart {
  readonly sizeBytes: number;
  /** Where the bytes lie on this machine, so that a backend may map them; absent for bytes in memory. */
  readonly file?: { readonly path: string; readonly offset: number };
  read(): Promise<Uint8Array>;
}
