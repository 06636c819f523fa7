/**
 * Reads safetensors: u64 header length, a JSON header, then the data without gaps.
 * Source: the README of huggingface/safetensors.
 */

import { UnsupportedError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type StorageType, storageBytes, storageTypeByName } from '../dtype/index.ts';
import type { ByteSource } from './byte-source.ts';
import { type Failure, HeaderCursor } from './header-cursor.ts';
import { parseJson } from './json.ts';
import { quoteName } from './read-checks.ts';
import type { StoredTensor } from './stored-tensor.ts';

export interface SafetensorsFile {
  /** `__metadata__`, usually `format` = `pt`. */
  readonly metadata: ReadonlyMap<string, string>;
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Where the data section begins. */
  readonly dataOffset: number;
  readonly sizeBytes: number;
}

/** The reference implementation's limit. A model of 24,000 tensors needs 3 MB. */
const MAX_HEADER_BYTES = 100_000_000;

/** Format names and ours. The format has unsigned integers and booleans too, which hold no weights. */
export const SAFETENSORS_DTYPES: ReadonlyMap<string, string> = new Map([
  ['F64', 'f64'],
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
  ['F8_E4M3', 'f8_e4m3'],
  ['F8_E5M2', 'f8_e5m2'],
  ['I64', 'i64'],
  ['I32', 'i32'],
  ['I16', 'i16'],
  ['I8', 'i8'],
]);

/**
 * Read the header of a safetensors file; no tensor data. The source stays open and stays the caller's. Throws
 * `FormatError` for damaged files, also for bytes that belong to no tensor, and `UnsupportedError` for other dtypes.
 */
export async function readSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  const cursor = new HeaderCursor(source);
  await cursor.need(8, 'the header', 'the length of the header');
  const length = cursor.u64('the length of the header');
  if (length > MAX_HEADER_BYTES) {
    throw cursor.failure('the length of the header', {
      code: 'header-too-large',
      expected: `at most ${formatCount(MAX_HEADER_BYTES)} bytes`,
      found: formatCount(length),
      offset: 0,
      hint: 'is this a safetensors file? A download that failed often leaves a page of HTML',
    });
  }
  const bytes = await cursor.copy(length, 'the header', 'the header');
  if (bytes[0] !== 0x7b) {
    throw cursor.failure('the header', {
      code: 'not-safetensors',
      expected: 'a JSON object',
      found: length === 0 ? 'nothing' : `the byte ${bytes[0].toString(16).padStart(2, '0')}`,
      offset: 8,
    });
  }
  const subject = `the header of ${source.name}`;
  const header = parseJson(bytes, subject, { uniqueKeys: true, baseOffset: 8 }) as Record<string, unknown>;
  const reader = new EntryReader(cursor, bytes, 8 + length);
  let metadata: ReadonlyMap<string, string> = new Map();
  const tensors: StoredTensor[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') metadata = reader.metadata(entry);
    else tensors.push(reader.tensor(name, entry));
  }
  // Empty tensors first among those that begin together, so that the one with bytes does not seem to precede them.
  tensors.sort((a, b) => a.offset - b.offset || a.sizeBytes - b.sizeBytes);
  reader.checkContiguous(tensors);
  return {
    metadata,
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    dataOffset: 8 + length,
    sizeBytes: source.size,
  };
}

class EntryReader {
  private readonly cursor: HeaderCursor;
  private readonly header: Uint8Array;
  private readonly dataOffset: number;

  constructor(cursor: HeaderCursor, header: Uint8Array, dataOffset: number) {
    this.cursor = cursor;
    this.header = header;
    this.dataOffset = dataOffset;
  }

  metadata(entry: unknown): ReadonlyMap<string, string> {
    const pairs = isObject(entry) ? Object.entries(entry) : [['', undefined] as const];
    const wrong = pairs.find(([, value]) => typeof value !== 'string');
    if (wrong) {
      throw this.failure('__metadata__', {
        code: 'bad-metadata',
        expected: 'an object of strings',
        found: describe(isObject(entry) ? wrong[1] : entry),
      });
    }
    return new Map(pairs as [string, string][]);
  }

  tensor(name: string, entry: unknown): StoredTensor {
    if (!isObject(entry)) {
      throw this.failure(name, { code: 'bad-tensor', expected: 'an object', found: describe(entry) });
    }
    const shape = this.integers(name, entry.shape, 'shape');
    const offsets = this.integers(name, entry.data_offsets, 'data_offsets');
    const [begin, end] = offsets;
    if (offsets.length !== 2 || begin > end) {
      throw this.failure(name, {
        code: 'tensor-offset',
        expected: 'data_offsets of a start and an end that is not before it',
        found: `[${offsets.slice(0, 3).map(formatCount).join('; ')}${offsets.length > 3 ? '; …' : ''}]`,
      });
    }
    const type = this.storageType(name, entry.dtype);
    const numElements = shape.reduce((product, dim) => product * dim, 1);
    const sizeBytes = storageBytes(type, numElements);
    if (sizeBytes !== end - begin) {
      throw this.failure(name, {
        code: 'tensor-size',
        expected: `${formatCount(sizeBytes)} bytes for ${formatCount(numElements)} elements of ${type.name}`,
        found: `${formatCount(end - begin)} bytes`,
      });
    }
    const { source } = this.cursor;
    if (this.dataOffset + end > source.size) {
      throw this.failure(name, {
        code: 'truncated-file',
        expected: `a file of ${formatCount(this.dataOffset + end)} bytes or more`,
        found: `${formatCount(source.size)} bytes`,
        hint: 'the download is probably incomplete; compare its size with the model page',
      });
    }
    return { name, type, shape, source, offset: this.dataOffset + begin, sizeBytes };
  }

  /** Every byte of the data section belongs to exactly one tensor. */
  checkContiguous(tensors: readonly StoredTensor[]): void {
    let end = this.dataOffset;
    for (const { name, offset, sizeBytes } of tensors) {
      if (offset !== end) {
        throw this.failure(name, {
          code: offset < end ? 'overlapping-tensors' : 'gap-between-tensors',
          expected: `a start at byte ${formatCount(end)} of the file, where the tensor before it ends`,
          found: `byte ${formatCount(offset)}`,
        });
      }
      end += sizeBytes;
    }
    const { source } = this.cursor;
    if (end === source.size) return;
    throw this.cursor.failure('the data', {
      code: 'trailing-bytes',
      expected: `the end of the file at byte ${formatCount(end)}, after the last tensor`,
      found: `${formatCount(source.size - end)} more bytes`,
      offset: end,
    });
  }

  private storageType(name: string, dtype: unknown): StorageType {
    if (typeof dtype !== 'string') {
      throw this.failure(name, { code: 'bad-tensor', expected: 'a dtype', found: describe(dtype) });
    }
    const typeName = SAFETENSORS_DTYPES.get(dtype);
    if (typeName) return storageTypeByName(typeName);
    throw new UnsupportedError(
      `Cannot read tensor ${quoteName(name)} of ${this.cursor.source.name}: its dtype is ${describe(dtype)}, not one of ` +
        `${[...SAFETENSORS_DTYPES.keys()].join(', ')}`,
      {
        code: 'unsupported-dtype',
        hint: 'fetch the BF16 checkpoint, or a GGUF file of the quantisation you want',
      },
    );
  }

  private integers(name: string, value: unknown, field: string): number[] {
    if (!Array.isArray(value)) {
      throw this.failure(name, {
        code: 'bad-tensor',
        expected: `an array as ${field}`,
        found: describe(value),
      });
    }
    const wrong = value.find((item) => !Number.isSafeInteger(item) || item < 0);
    if (wrong === undefined) return value;
    throw this.failure(name, {
      code: typeof wrong === 'number' && wrong >= 2 ** 53 ? 'number-too-large' : 'bad-tensor',
      expected: `whole numbers from 0 to 2^53 in ${field}`,
      found: describe(wrong),
    });
  }

  private failure(name: string, details: Failure) {
    const offset = 8 + Math.max(0, indexOfKey(this.header, name));
    return this.cursor.failure(`tensor ${quoteName(name)}`, { offset, ...details });
  }
}

/** Position of `"name"` in the header, if it is spelled without escapes; only errors ask. */
function indexOfKey(header: Uint8Array, name: string): number {
  const text = new TextDecoder('latin1').decode(header);
  const key = new TextDecoder('latin1').decode(new TextEncoder().encode(JSON.stringify(name)));
  return text.indexOf(key);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON value in a message: short, whatever it is. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
