/** Metadata values of GGUF files: their types, and getters that say what is wrong with a value. */
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';

export type GgufNumberType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'f64';
export type GgufBigintType = 'u64' | 'i64';

export type GgufNumberArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** One metadata value with the type it has in the file. */
export type GgufValue =
  | { readonly type: GgufNumberType; readonly value: number }
  | { readonly type: GgufBigintType; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | GgufArray;

export type GgufArray =
  | { readonly type: 'array'; readonly elementType: 'string'; readonly value: readonly string[] }
  | { readonly type: 'array'; readonly elementType: GgufNumberType; readonly value: GgufNumberArray }
  | {
      readonly type: 'array';
      readonly elementType: GgufBigintType;
      readonly value: BigUint64Array | BigInt64Array;
    }
  /** 0 or 1 for each element. */
  | { readonly type: 'array'; readonly elementType: 'bool'; readonly value: Uint8Array };

/** Keys in the order of the file. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export type GgufFixedType = GgufNumberType | GgufBigintType | 'bool';
export type GgufType = GgufFixedType | 'string' | 'array';

/** Type names by their id in the file. Source: ggml `docs/gguf.md`. */
export const GGUF_TYPES: readonly GgufType[] = [
  'u8',
  'i8',
  'u16',
  'i16',
  'u32',
  'i32',
  'f32',
  'bool',
  'string',
  'array',
  'u64',
  'i64',
  'f64',
];

interface FixedArray {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** The typed array for each type of fixed size. */
export const GGUF_ARRAYS = {
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
  f64: Float64Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  bool: Uint8Array,
} as const satisfies Record<
  GgufFixedType,
  { readonly BYTES_PER_ELEMENT: number; new (length: number): FixedArray }
>;

/** `an array of 12 strings`, `a string`, `a u32`: what messages call a value. */
function describeValue(value: GgufValue): string {
  if (value.type !== 'array') return `${/^(i|f32|f64)/.test(value.type) ? 'an' : 'a'} ${value.type}`;
  return `an array of ${formatCount(value.value.length)} ${value.elementType}`;
}

/** The value as a number: any integer or float type. Refuses 64-bit integers that a number can't hold exactly. */
export function getNumber(metadata: GgufMetadata, key: string): number {
  return asNumber(required(metadata, key), key);
}

/** As `getNumber`, but nothing if the key is absent. */
export function findNumber(metadata: GgufMetadata, key: string): number | undefined {
  const value = metadata.get(key);
  return value && asNumber(value, key);
}

export function findString(metadata: GgufMetadata, key: string): string | undefined {
  const value = metadata.get(key);
  return value && asString(value, key);
}

export function findBoolean(metadata: GgufMetadata, key: string): boolean | undefined {
  const value = metadata.get(key);
  return value && asBoolean(value, key);
}

export function getStringArray(metadata: GgufMetadata, key: string): readonly string[] {
  return asStringArray(required(metadata, key), key);
}

export function findStringArray(metadata: GgufMetadata, key: string): readonly string[] | undefined {
  const value = metadata.get(key);
  return value && asStringArray(value, key);
}

/** The typed array as stored. Not for bool and 64-bit elements. */
export function findNumberArray(metadata: GgufMetadata, key: string): GgufNumberArray | undefined {
  const value = metadata.get(key);
  return value && asNumberArray(value, key);
}

function required(metadata: GgufMetadata, key: string): GgufValue {
  const value = metadata.get(key);
  if (value) return value;
  throw new FormatError(`Cannot find the metadata key "${key}"`, {
    code: 'missing-metadata',
    hint: 'in a split model only the first shard has the metadata; otherwise convert the model again',
    expected: `the key ${key}`,
    found: `${formatCount(metadata.size)} other keys`,
  });
}

function wrongType(key: string, expected: string, found: string): FormatError {
  return new FormatError(`Cannot use the metadata key "${key}": expected ${expected}, found ${found}`, {
    code: 'metadata-type',
    hint: 'the file was written by a faulty converter; convert the model again',
    expected,
    found,
  });
}

function asNumber(value: GgufValue, key: string): number {
  if (typeof value.value === 'number') return value.value;
  if (typeof value.value === 'bigint') {
    const number = Number(value.value);
    if (Number.isSafeInteger(number)) return number;
    throw wrongType(key, 'a number below 2^53', value.value.toLocaleString('en-US'));
  }
  throw wrongType(key, 'a number', describeValue(value));
}

function asString(value: GgufValue, key: string): string {
  if (value.type === 'string') return value.value;
  throw wrongType(key, 'a string', describeValue(value));
}

function asBoolean(value: GgufValue, key: string): boolean {
  if (value.type === 'bool') return value.value;
  throw wrongType(key, 'a bool', describeValue(value));
}

function asStringArray(value: GgufValue, key: string): readonly string[] {
  if (value.type === 'array' && value.elementType === 'string') return value.value;
  throw wrongType(key, 'an array of strings', describeValue(value));
}

function asNumberArray(value: GgufValue, key: string): GgufNumberArray {
  if (value.type === 'array' && value.elementType !== 'bool') {
    const array = value.value;
    if (
      ArrayBuffer.isView(array) &&
      !(array instanceof BigUint64Array) &&
      !(array instanceof BigInt64Array)
    ) {
      return array;
    }
  }
  throw wrongType(key, 'an array of numbers', describeValue(value));
}
