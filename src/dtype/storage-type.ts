/** How the elements of a stored tensor are laid out in bytes. One object a type; see `dtype/index.ts` for the registry. */
export interface StorageType {
  /** Lower-case ggml name, as in `--type q4_k`. */
  readonly name: string;
  /** ggml type id as written in GGUF files. */
  readonly id: number;
  /** Elements in one block (1 for plain floats). */
  readonly blockElements: number;
  /** Bytes in one block, computed from the layout. */
  readonly blockBytes: number;
  /** True where every value is one IEEE or bfloat number (no scales). */
  readonly isFloat: boolean;
  /**
   * Decode `numElements` (a multiple of `blockElements`) starting at byte `sourceOffset`.
   * Values are exact: what the format's formula gives, rounded once to f32.
   */
  decode(
    source: Uint8Array,
    sourceOffset: number,
    target: Float32Array,
    targetOffset: number,
    numElements: number,
  ): void;
  /**
   * Encode one row of `numColumns` values (a multiple of `blockElements`). `importance` says for each column how much an
   * error counts there; types that do not search for their scales ignore it. Present for f32, f16, bf16, q8_0 and the four
   * legacy types.
   */
  encodeRow?(
    source: Float32Array,
    sourceOffset: number,
    target: Uint8Array,
    targetOffset: number,
    numColumns: number,
    importance?: Float32Array,
  ): void;
}

/** Bytes that `numElements` values of a type take. `numElements` must be a multiple of the block. */
export function storageBytes(type: StorageType, numElements: number): number {
  return (numElements / type.blockElements) * type.blockBytes;
}
