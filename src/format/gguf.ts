/**
 * Reads GGUF, the one-file container of llama.cpp models: magic, metadata, tensor table, padding, data.
 * Versions 2 and 3, little-endian. Source: ggml `docs/gguf.md`.
 */

import { FormatError, UnsupportedError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type StorageType, storageBytes, storageTypeById } from '../dtype/index.ts';
import type { ByteSource } from './byte-source.ts';
import {
  GGUF_ARRAYS,
  GGUF_TYPES,
  type GgufArray,
  type GgufFixedType,
  type GgufMetadata,
  type GgufType,
  type GgufValue,
} from './gguf-values.ts';
import { HeaderCursor } from './header-cursor.ts';
import { checkOverlaps } from './ranges.ts';
import { quoteName } from './read-checks.ts';
import type { StoredTensor } from './stored-tensor.ts';

export interface GgufFile {
  readonly version: number;
  /** Tensors begin at multiples of this, counted from `dataOffset`. */
  readonly alignment: number;
  readonly metadata: GgufMetadata;
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Where the data section begins. */
  readonly dataOffset: number;
  readonly sizeBytes: number;
}

export const GGUF_MAGIC = 0x46554747; // "GGUF", read as a little-endian u32
export const GGUF_DEFAULT_ALIGNMENT = 32;
/** ggml keeps names in 64 bytes with a terminator; the format's own limit is one byte more. */
export const GGUF_MAX_NAME_BYTES = 64;
const MAX_KEY_BYTES = 65_535;
const MAX_DIMS = 4;
// Real files have some 60 keys and 1,000 tensors. An entry takes ten times more memory than file, hence a limit.
const MAX_METADATA_KEYS = 65_536;
const MAX_TENSORS = 1_048_576;

// The least bytes that one entry takes, to judge a count before reading: a key of one byte with a one-byte value, and
// a one-letter tensor with one dimension.
const MIN_METADATA_BYTES = 8 + 1 + 4 + 1;
const MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

interface TensorInfo {
  readonly name: string;
  readonly type: StorageType;
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** From the start of the data section. */
  readonly dataOffset: number;
  /** Where the entry's offset field lies in the file, for errors. */
  readonly fieldOffset: number;
}

/**
 * Read the header of a GGUF file: metadata and where each tensor lies, no tensor data. The source stays open and stays
 * the caller's. Throws `FormatError` for damaged files and `UnsupportedError` for kinds of GGUF that can't be read.
 */
export async function readGguf(source: ByteSource): Promise<GgufFile> {
  const cursor = new HeaderCursor(source);
  await cursor.need(8, 'the file header', 'a GGUF file');
  const version = readVersion(cursor);
  await cursor.need(16, 'the file header', 'the counts of tensors and metadata');
  const numTensors = cursor.u64('the number of tensors');
  const numMetadata = cursor.u64('the number of metadata keys');
  checkCount(cursor, 'metadata keys', numMetadata, MAX_METADATA_KEYS);
  checkCount(cursor, 'tensors', numTensors, MAX_TENSORS);
  cursor.require(
    numMetadata * MIN_METADATA_BYTES + numTensors * MIN_TENSOR_BYTES,
    'the file header',
    `${formatCount(numMetadata)} metadata keys and ${formatCount(numTensors)} tensors`,
  );

  const metadata = await readMetadata(cursor, numMetadata);
  const alignment = readAlignment(cursor, metadata);
  const infos = await readTensorInfos(cursor, numTensors, alignment);
  const dataOffset = Math.ceil(cursor.offset / alignment) * alignment;
  const tensors = new Map<string, StoredTensor>();
  for (const info of infos.values()) tensors.set(info.name, placeTensor(cursor, info, dataOffset));
  checkOverlaps(source, [...tensors.values()]);
  return { version, alignment, metadata, tensors, dataOffset, sizeBytes: source.size };
}

function readVersion(cursor: HeaderCursor): number {
  const magic = cursor.u32();
  if (magic !== GGUF_MAGIC) {
    throw cursor.failure('the file header', {
      code: 'not-gguf',
      expected: 'a GGUF file, which begins with the letters GGUF',
      found: `the bytes ${hexBytes(magic)}`,
      offset: 0,
      hint: 'is this a GGUF file? A download that failed often leaves a page of HTML',
    });
  }
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  const name = cursor.source.name;
  // A small number with its bytes swapped.
  if (version !== 0 && (version & 0xffff) === 0) {
    throw new UnsupportedError(`Cannot read ${name}: it is a big-endian GGUF file`, {
      code: 'big-endian-gguf',
      hint: 'fetch the little-endian file, or convert this one with gguf_convert_endian.py of llama.cpp',
    });
  }
  throw new UnsupportedError(`Cannot read ${name}: it has GGUF version ${formatCount(version)}, not 2 or 3`, {
    code: 'gguf-version',
    hint:
      version === 1
        ? 'version 1 files are from 2023; fetch a newer file'
        : 'update dots.ts, or fetch the file again',
  });
}

function checkCount(cursor: HeaderCursor, what: string, count: number, limit: number): void {
  if (count <= limit) return;
  throw cursor.failure('the file header', {
    code: 'header-too-large',
    expected: `at most ${formatCount(limit)} ${what}`,
    found: formatCount(count),
    offset: what === 'tensors' ? 8 : 16,
  });
}

async function readMetadata(cursor: HeaderCursor, count: number): Promise<GgufMetadata> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const start = cursor.offset;
    const key = await cursor.string(`metadata key ${formatCount(i + 1)}`, MAX_KEY_BYTES);
    const subject = `the metadata key ${quoteName(key)}`;
    if (key === '' || metadata.has(key)) {
      throw cursor.failure(subject, {
        code: 'duplicate-key',
        expected: 'keys that are unique and not empty',
        found: key === '' ? 'an empty key' : 'the same key twice',
        offset: start,
      });
    }
    await cursor.need(4, subject, 'the type of a value');
    metadata.set(key, await readValue(cursor, readType(cursor, subject), subject));
  }
  return metadata;
}

function readType(cursor: HeaderCursor, subject: string): GgufType {
  const offset = cursor.offset;
  const id = cursor.u32();
  const type = GGUF_TYPES[id];
  if (type) return type;
  throw cursor.failure(subject, {
    code: 'metadata-type',
    expected: `a type between 0 and ${GGUF_TYPES.length - 1}`,
    found: formatCount(id),
    offset,
  });
}

async function readValue(cursor: HeaderCursor, type: GgufType, subject: string): Promise<GgufValue> {
  if (type === 'string') return { type, value: await cursor.string(subject) };
  if (type === 'array') return await readArray(cursor, subject);
  const { value } = await readFixed(cursor, type, 1, subject);
  if (type === 'bool') return { type, value: value[0] === 1 };
  return { type, value: value[0] } as GgufValue;
}

async function readArray(cursor: HeaderCursor, subject: string): Promise<GgufArray> {
  await cursor.need(12, subject, 'the type and length of an array');
  const elementType = readType(cursor, subject);
  const count = cursor.u64(subject);
  if (elementType === 'array') {
    // No model needs them, llama.cpp has none, and a small file could hold millions of small arrays.
    throw new UnsupportedError(`Cannot read ${subject} of ${cursor.source.name}: it is an array of arrays`, {
      code: 'nested-array',
      hint: 'write the file again without this key',
    });
  }
  if (elementType !== 'string') return await readFixed(cursor, elementType, count, subject);
  // Each string takes 8 bytes or more, so a count that passes can't be larger than the file.
  cursor.require(count * 8, subject, `an array of ${formatCount(count)} strings`);
  return { type: 'array', elementType, value: await cursor.strings(count, subject) };
}

async function readFixed(
  cursor: HeaderCursor,
  elementType: GgufFixedType,
  count: number,
  subject: string,
): Promise<Extract<GgufArray, { elementType: GgufFixedType }>> {
  const TypedArray = GGUF_ARRAYS[elementType];
  const offset = cursor.offset;
  const what =
    count === 1 ? `a value of type ${elementType}` : `an array of ${formatCount(count)} ${elementType}`;
  const bytes = await cursor.copy(count * TypedArray.BYTES_PER_ELEMENT, subject, what);
  if (elementType === 'bool') {
    const wrong = bytes.findIndex((byte) => byte > 1);
    if (wrong >= 0) {
      throw cursor.failure(subject, {
        code: 'metadata-type',
        expected: 'a bool of 0 or 1',
        found: String(bytes[wrong]),
        offset: offset + wrong,
      });
    }
  }
  // Reinterpreting is right on little-endian machines, which is where JavaScript runs.
  return { type: 'array', elementType, value: new TypedArray(bytes.buffer) } as Extract<
    GgufArray,
    { elementType: GgufFixedType }
  >;
}

function readAlignment(cursor: HeaderCursor, metadata: GgufMetadata): number {
  const value = metadata.get('general.alignment');
  if (!value) return GGUF_DEFAULT_ALIGNMENT;
  // Below 8, the data of f64 and of 64-bit fields would not lie where processors want them.
  if (value.type === 'u32' && value.value >= 8 && (value.value & (value.value - 1)) === 0) return value.value;
  throw cursor.failure('the metadata key "general.alignment"', {
    code: 'bad-alignment',
    expected: 'a u32 that is a power of two, 8 or more',
    found: `${value.type} ${value.type === 'array' ? '' : value.value}`.trim(),
  });
}

async function readTensorInfos(
  cursor: HeaderCursor,
  count: number,
  alignment: number,
): Promise<Map<string, TensorInfo>> {
  const infos = new Map<string, TensorInfo>();
  for (let i = 0; i < count; i++) {
    const start = cursor.offset;
    const name = await cursor.string(`the name of tensor ${formatCount(i + 1)}`, GGUF_MAX_NAME_BYTES);
    const info = await readTensorInfo(cursor, name, alignment);
    if (name === '' || infos.has(name)) {
      throw cursor.failure(`tensor ${quoteName(name)}`, {
        code: 'duplicate-tensor',
        expected: 'names that are unique and not empty',
        found: name === '' ? 'an empty name' : 'the same name twice',
        offset: start,
      });
    }
    infos.set(name, info);
  }
  return infos;
}

async function readTensorInfo(cursor: HeaderCursor, name: string, alignment: number): Promise<TensorInfo> {
  const subject = `tensor ${quoteName(name)}`;
  await cursor.need(4, subject, 'the number of dimensions');
  const dimsOffset = cursor.offset;
  const numDims = cursor.u32();
  if (numDims < 1 || numDims > MAX_DIMS) {
    throw cursor.failure(subject, {
      code: 'tensor-shape',
      expected: `1 to ${MAX_DIMS} dimensions`,
      found: formatCount(numDims),
      offset: dimsOffset,
    });
  }
  await cursor.need(numDims * 8 + 12, subject, 'its dimensions, type and offset');
  const shape: number[] = [];
  let numElements = 1;
  for (let i = 0; i < numDims; i++) {
    const offset = cursor.offset;
    const dim = cursor.u64(subject);
    numElements *= dim;
    if (dim === 0 || !Number.isSafeInteger(numElements)) {
      throw cursor.failure(subject, {
        code: 'tensor-shape',
        expected: 'dimensions of 1 or more, with fewer than 2^53 elements in all',
        found: `${formatCount(dim)} as dimension ${i}`,
        offset,
      });
    }
    // The file has the contiguous axis first, we have it last.
    shape.unshift(dim);
  }
  const typeOffset = cursor.offset;
  const type = readStorageType(cursor, subject);
  const rowElements = shape[shape.length - 1];
  if (rowElements % type.blockElements !== 0) {
    throw cursor.failure(subject, {
      code: 'tensor-shape',
      expected: `rows of a multiple of ${type.blockElements} elements, the block of ${type.name}`,
      found: `rows of ${formatCount(rowElements)}`,
      offset: typeOffset,
    });
  }
  const fieldOffset = cursor.offset;
  const dataOffset = cursor.u64(subject);
  if (dataOffset % alignment !== 0) {
    throw cursor.failure(subject, {
      code: 'tensor-offset',
      expected: `an offset that is a multiple of ${formatCount(alignment)}`,
      found: formatCount(dataOffset),
      offset: fieldOffset,
    });
  }
  return { name, type, shape, sizeBytes: storageBytes(type, numElements), dataOffset, fieldOffset };
}

function readStorageType(cursor: HeaderCursor, subject: string): StorageType {
  const offset = cursor.offset;
  const id = cursor.u32();
  try {
    return storageTypeById(id);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw cursor.failure(subject, {
      code: error.code,
      expected: error.expected ?? 'the id of a storage type',
      found: error.found ?? String(id),
      offset,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

/** The tensor with the place of its bytes, which is checked against the size of the file. */
function placeTensor({ source }: HeaderCursor, info: TensorInfo, dataOffset: number): StoredTensor {
  const { name, type, shape, sizeBytes } = info;
  const offset = dataOffset + info.dataOffset;
  checkInsideFile(source, info, offset + sizeBytes);
  return { name, type, shape, source, offset, sizeBytes };
}

function checkInsideFile(source: ByteSource, { name, fieldOffset }: TensorInfo, end: number): void {
  if (end <= source.size) return;
  throw new FormatError(
    `Cannot read tensor ${quoteName(name)} of ${source.name}: it ends at byte ${formatCount(end)} ` +
      `but the file has ${formatCount(source.size)}`,
    {
      code: 'truncated-file',
      hint: 'the download is probably incomplete; compare its size with the model page',
      offset: fieldOffset,
      expected: `${formatCount(end)} bytes or more`,
      found: `${formatCount(source.size)} bytes`,
    },
  );
}

function hexBytes(littleEndian: number): string {
  return [0, 8, 16, 24]
    .map((shift) => ((littleEndian >>> shift) & 255).toString(16).padStart(2, '0'))
    .join(' ');
}
