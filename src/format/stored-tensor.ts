import type { StorageType } from '../dtype/storage-type.ts';
import type { ByteSource } from './byte-source.ts';

/** A tensor as it lies in a file. GGUF and safetensors readers both give these. */
export interface StoredTensor {
  readonly name: string;
  readonly type: StorageType;
  /** Its type in the file, where it is converted as it is read. */
  readonly fileType?: StorageType;
  /** Row-major, outermost axis first (`[out, in]`), whatever the file's own order is. */
  readonly shape: readonly number[];
  readonly source: ByteSource;
  /** Absolute byte position in `source`. */
  readonly offset: number;
  readonly sizeBytes: number;
}
