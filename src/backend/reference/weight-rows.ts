import { type StorageType, storageBytes } from '../../dtype/storage-type.ts';
import type { StoredWeight } from '../../graph/stored-weight.ts';

/**
 * A weight in memory. Small models are decoded once; the weights of larger ones stay as the file stores them and are
 * decoded row by row when a kernel asks, since a 4-bit model would otherwise grow eightfold.
 */
export class WeightRows {
  readonly shape: readonly number[];
  readonly numCols: number;
  private readonly type: StorageType;
  private readonly rowBytes: number;
  private readonly rowsPerPart: number;
  private readonly parts: readonly Uint8Array[];
  private readonly floats: readonly Float32Array[] | undefined;
  private readonly scratch: Float32Array;

  constructor(weight: StoredWeight, parts: readonly Uint8Array[], decodeNow: boolean) {
    this.shape = weight.shape;
    this.type = weight.type;
    this.parts = parts;
    this.numCols = weight.shape[weight.shape.length - 1];
    this.rowBytes = storageBytes(weight.type, this.numCols);
    this.rowsPerPart = weight.shape.reduce((a, b) => a * b, 1) / this.numCols / parts.length;
    this.scratch = new Float32Array(this.numCols);
    const viewable = weight.type.name === 'f32' && parts.every((part) => part.byteOffset % 4 === 0);
    if (viewable) {
      this.floats = parts.map((part) => new Float32Array(part.buffer, part.byteOffset, part.byteLength / 4));
    } else if (decodeNow) {
      this.floats = parts.map((part) => decodeAll(weight.type, part));
      this.parts = [];
    }
  }

  /** Row `index`, counted over all leading axes. Valid until the next call. */
  row(index: number): Float32Array {
    const part = Math.floor(index / this.rowsPerPart);
    const start = (index % this.rowsPerPart) * this.numCols;
    if (this.floats) return this.floats[part].subarray(start, start + this.numCols);
    const offset = (index % this.rowsPerPart) * this.rowBytes;
    this.type.decode(this.parts[part], offset, this.scratch, 0, this.numCols);
    return this.scratch;
  }
}

function decodeAll(type: StorageType, bytes: Uint8Array): Float32Array {
  const values = new Float32Array((bytes.length / type.blockBytes) * type.blockElements);
  type.decode(bytes, 0, values, 0, values.length);
  return values;
}
