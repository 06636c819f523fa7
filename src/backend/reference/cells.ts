import { UnsupportedError } from '../../core/errors.ts';
import { type StorageType, storageBytes } from '../../dtype/storage-type.ts';

/** A state: rows of one head width, stored in a type that rounds. Fresh cells are zero. */
export class Cells {
  readonly shape: readonly number[];
  readonly rowSize: number;
  private readonly type: StorageType;
  private readonly rowBytes: number;
  private readonly bytes: Uint8Array;

  constructor(shape: readonly number[], type: StorageType) {
    this.shape = shape;
    this.type = type;
    this.rowSize = shape[shape.length - 1];
    if (!type.encodeRow || this.rowSize % type.blockElements !== 0) {
      throw new UnsupportedError(`The KV cache cannot hold rows of ${this.rowSize} as ${type.name}`, {
        code: 'unsupported-kv-type',
        hint: 'use f16',
      });
    }
    this.rowBytes = storageBytes(type, this.rowSize);
    this.bytes = new Uint8Array((shape.reduce((a, b) => a * b, 1) / this.rowSize) * this.rowBytes);
  }

  write(row: number, values: Float32Array, offset: number): void {
    this.type.encodeRow?.(values, offset, this.bytes, row * this.rowBytes, this.rowSize);
  }

  read(row: number, target: Float32Array): void {
    this.type.decode(this.bytes, row * this.rowBytes, target, 0, this.rowSize);
  }
}
