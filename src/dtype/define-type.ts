import { InternalError, ShapeError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { StorageType } from './storage-type.ts';

/** Byte positions of a block's fields and the block's size. Both follow from the sizes of the fields in file order. */
export interface BlockLayout<Field extends string> {
  readonly at: Readonly<Record<Field, number>>;
  readonly sizeBytes: number;
}

/** `{ d: 2, qs: 16 }` (bytes, in file order) -> `d` at 0, `qs` at 2, 18 bytes a block. */
export function blockLayout<Field extends string>(
  fields: Readonly<Record<Field, number>>,
): BlockLayout<Field> {
  const at = {} as Record<Field, number>;
  let sizeBytes = 0;
  for (const field of Object.keys(fields) as Field[]) {
    at[field] = sizeBytes;
    sizeBytes += fields[field];
  }
  return { at, sizeBytes };
}

interface BlockTypeSpec {
  readonly name: string;
  readonly id: number;
  readonly blockElements: number;
  readonly layout: BlockLayout<string>;
  /** One block: bytes from `at`, values to `out`. Called for every block of every row, so it must not allocate. */
  decodeBlock(source: Uint8Array, at: number, target: Float32Array, out: number): void;
  /** One block: values from `at`, bytes to `out`. `importance` is the whole row's; this block begins at `column` of it. */
  encodeBlock?(
    source: Float32Array,
    at: number,
    target: Uint8Array,
    out: number,
    importance: Float32Array | undefined,
    column: number,
  ): void;
}

/** A type whose elements share scales in blocks. Walks the blocks and checks ranges once a call, not once a block. */
export function defineBlockType(spec: BlockTypeSpec): StorageType {
  const { name, id, blockElements, decodeBlock, encodeBlock } = spec;
  const blockBytes = spec.layout.sizeBytes;
  const type: StorageType = {
    name,
    id,
    blockElements,
    blockBytes,
    isFloat: false,
    decode(source, sourceOffset, target, targetOffset, numElements) {
      checkRange(type, 'decode', source, sourceOffset, target, targetOffset, numElements);
      const end = targetOffset + numElements;
      let at = sourceOffset;
      for (let out = targetOffset; out < end; out += blockElements) {
        decodeBlock(source, at, target, out);
        at += blockBytes;
      }
    },
  };
  if (encodeBlock === undefined) return type;
  type.encodeRow = (source, sourceOffset, target, targetOffset, numColumns, importance) => {
    checkRange(type, 'encode', target, targetOffset, source, sourceOffset, numColumns);
    checkImportance(type, numColumns, importance);
    let out = targetOffset;
    for (let column = 0; column < numColumns; column += blockElements) {
      encodeBlock(source, sourceOffset + column, target, out, importance, column);
      out += blockBytes;
    }
  };
  return type;
}

type DecodeRun = StorageType['decode'];
type EncodeRow = NonNullable<StorageType['encodeRow']>;

interface ScalarTypeSpec {
  readonly name: string;
  readonly id: number;
  readonly sizeBytes: number;
  readonly isFloat: boolean;
  readonly decodeRun: DecodeRun;
  readonly encodeRow?: EncodeRow;
}

/** A type without blocks. It brings its own loop, because plain copies beat one call an element. */
export function defineScalarType(spec: ScalarTypeSpec): StorageType {
  const { name, id, sizeBytes, isFloat, decodeRun, encodeRow } = spec;
  const type: StorageType = {
    name,
    id,
    blockElements: 1,
    blockBytes: sizeBytes,
    isFloat,
    decode(source, sourceOffset, target, targetOffset, numElements) {
      checkRange(type, 'decode', source, sourceOffset, target, targetOffset, numElements);
      decodeRun(source, sourceOffset, target, targetOffset, numElements);
    },
  };
  if (encodeRow === undefined) return type;
  type.encodeRow = (source, sourceOffset, target, targetOffset, numColumns, importance) => {
    checkRange(type, 'encode', target, targetOffset, source, sourceOffset, numColumns);
    checkImportance(type, numColumns, importance);
    encodeRow(source, sourceOffset, target, targetOffset, numColumns);
  };
  return type;
}

function checkImportance(type: StorageType, numColumns: number, importance: Float32Array | undefined): void {
  if (importance === undefined || importance.length === numColumns) return;
  throw new InternalError(`encode ${type.name}: ${numColumns} columns, but ${importance.length} importances`);
}

// Reads past a typed array's end are `undefined`, become NaN, and surface far away: better to stop here.
function checkRange(
  type: StorageType,
  verb: 'decode' | 'encode',
  bytes: Uint8Array,
  byteOffset: number,
  values: Float32Array,
  valueOffset: number,
  numElements: number,
): void {
  const numBlocks = checkWholeBlocks(type, verb, numElements);
  const byteEnd = byteOffset + numBlocks * type.blockBytes;
  const valueEnd = valueOffset + numElements;
  if (!(byteOffset >= 0 && byteEnd <= bytes.length && valueOffset >= 0 && valueEnd <= values.length)) {
    throw new InternalError(
      `${verb} ${type.name}: bytes ${formatCount(byteOffset)} to ${formatCount(byteEnd)} of ${formatCount(bytes.length)}, ` +
        `values ${formatCount(valueOffset)} to ${formatCount(valueEnd)} of ${formatCount(values.length)}`,
    );
  }
}

/** How many blocks of `type` hold so many elements. Throws `ShapeError` (`partial-block`) where they do not divide. */
export function checkWholeBlocks(type: StorageType, verb: 'decode' | 'encode', numElements: number): number {
  const numBlocks = numElements / type.blockElements;
  if (!Number.isInteger(numBlocks) || numBlocks < 0) {
    throw new ShapeError(
      `Cannot ${verb} ${formatCount(numElements)} elements of ${type.name}: its blocks hold ${type.blockElements}`,
      {
        code: 'partial-block',
        hint: `use a row length that is a multiple of ${type.blockElements}, or another type for this tensor`,
      },
    );
  }
  return numBlocks;
}
