import type { StorageType } from './storage-type.ts';

/** Encodes rows. Native ones do it for any type with block scales, and with less error than `StorageType.encodeRow`. */
export interface RowEncoder {
  /**
   * Rows of `numColumns` values as `type`, the same bytes on every machine. `importance` says for each column how much an
   * error counts there. A row's bytes do not depend on the rows around it. Throws `ShapeError` (`partial-block`), `FormatError`
   * (`not-encodable`) for a value that is not finite or exceeds a half.
   */
  encodeRows(
    type: StorageType,
    values: Float32Array,
    numColumns: number,
    importance?: Float32Array,
  ): Promise<Uint8Array>;
}
