/** Writes GGUF version 3, little-endian, as one file or as a split set. Source: ggml `docs/gguf.md`, llama.cpp `gguf-split`. */
import { ShapeError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { SinkOpener } from './byte-sink.ts';
import { createFileSink } from './file-source.ts';
import { GGUF_DEFAULT_ALIGNMENT, GGUF_MAGIC, GGUF_MAX_NAME_BYTES } from './gguf.ts';
import { GGUF_ARRAYS, GGUF_TYPES, type GgufMetadata, type GgufType, type GgufValue } from './gguf-values.ts';
import { HeaderBuilder } from './header-builder.ts';
import {
  divideIntoShards,
  type FilePlan,
  padded,
  type ShardLimits,
  shardName,
  type TensorBytes,
  type TensorToWrite,
  tensorBytes,
  type WriteOptions,
  type WrittenFiles,
  writeFiles,
} from './write-tensors.ts';

const VERSION = 3;

export interface GgufContent<T extends TensorToWrite> {
  /** `general.alignment` sets the alignment; `split.*` keys are dropped. */
  readonly metadata: GgufMetadata;
  readonly tensors: readonly T[];
  readonly bytes: TensorBytes<T>;
}

export interface GgufWriteOptions<T extends TensorToWrite = TensorToWrite>
  extends WriteOptions,
    ShardLimits<T> {
  /** Where files go; this machine's disk if absent. */
  readonly createSink?: SinkOpener;
}

/**
 * Write a GGUF file, streaming: one piece of one tensor is in memory at a time. With a shard limit that the tensors
 * exceed, `model.gguf` becomes `model-00001-of-0000N.gguf` and so on. Nothing appears under the final names unless all
 * of it was written. Throws `UsageError` or `ShapeError` for content that readers would refuse.
 */
export async function writeGguf<T extends TensorToWrite>(
  path: string,
  content: GgufContent<T>,
  options: GgufWriteOptions<T> = {},
): Promise<WrittenFiles> {
  const { createSink = createFileSink } = options;
  return await writeFiles(planFiles(path, content, options), createSink, content.bytes, options);
}

/** Bytes of a file that are not tensors: the header, and what fills tensors up to the alignment, at most. */
export function ggufOverheadBytes(metadata: GgufMetadata, tensors: readonly TensorToWrite[]): number {
  return (
    encodeHeader(metadata, tensors, GGUF_DEFAULT_ALIGNMENT).length + tensors.length * GGUF_DEFAULT_ALIGNMENT
  );
}

function planFiles<T extends TensorToWrite>(
  path: string,
  content: GgufContent<T>,
  limits: ShardLimits<T>,
): FilePlan<T>[] {
  const alignment = checkContent(content);
  const metadata = new Map([...content.metadata].filter(([key]) => !key.startsWith('split.')));
  const shards = divideIntoShards(content.tensors, limits);
  if (shards.length === 1) {
    return [
      { name: path, header: encodeHeader(metadata, shards[0], alignment), tensors: shards[0], alignment },
    ];
  }
  if (shards.length > 65_535) {
    throw new UsageError(
      `Cannot write ${path} as ${formatCount(shards.length)} shards: the format ends at 65,535`,
      {
        code: 'shard-limit',
        hint: 'allow more bytes or tensors in a shard',
      },
    );
  }
  const prefix = path.replace(/\.gguf$/i, '');
  return shards.map((tensors, i) => {
    const own = splitMetadata(metadata, i, shards.length, content.tensors.length);
    const name = shardName(prefix, i, shards.length, 'gguf');
    return { name, header: encodeHeader(own, tensors, alignment), tensors, alignment };
  });
}

/** The first shard has all the metadata; the others what readers need to check that they belong to it. */
function splitMetadata(
  metadata: GgufMetadata,
  index: number,
  count: number,
  numTensors: number,
): GgufMetadata {
  const alignment = metadata.get('general.alignment');
  const own = new Map(index === 0 ? metadata : alignment ? [['general.alignment', alignment]] : []);
  own.set('split.no', { type: 'u16', value: index });
  own.set('split.count', { type: 'u16', value: count });
  own.set('split.tensors.count', { type: 'i32', value: numTensors });
  return own;
}

function encodeHeader(
  metadata: GgufMetadata,
  tensors: readonly TensorToWrite[],
  alignment: number,
): Uint8Array {
  const header = new HeaderBuilder();
  header.u32(GGUF_MAGIC);
  header.u32(VERSION);
  header.u64(tensors.length);
  header.u64(metadata.size);
  for (const [key, value] of metadata) {
    header.string(key);
    header.u32(typeId(value.type));
    encodeValue(header, value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    header.string(tensor.name);
    header.u32(tensor.shape.length);
    for (const dim of tensor.shape.toReversed()) header.u64(dim);
    header.u32(tensor.type.id);
    header.u64(offset);
    offset += padded(tensorBytes(tensor), alignment);
  }
  header.pad(alignment);
  return header.finish();
}

function typeId(type: GgufType): number {
  return GGUF_TYPES.indexOf(type);
}

function encodeValue(header: HeaderBuilder, value: GgufValue): void {
  switch (value.type) {
    case 'string':
      header.string(value.value);
      break;
    case 'array':
      header.u32(typeId(value.elementType));
      header.u64(value.value.length);
      if (value.elementType === 'string') for (const text of value.value) header.string(text);
      else header.raw(value.value);
      break;
    case 'bool':
      header.raw(Uint8Array.of(value.value ? 1 : 0));
      break;
    case 'u64':
    case 'i64':
      header.raw(GGUF_ARRAYS[value.type].of(value.value));
      break;
    default:
      header.raw(GGUF_ARRAYS[value.type].of(value.value));
  }
}

/** Refuses what readers would refuse, before hours of writing; returns the alignment. */
function checkContent(content: Pick<GgufContent<TensorToWrite>, 'metadata' | 'tensors'>): number {
  const names = new Set<string>();
  const encoder = new TextEncoder();
  for (const tensor of content.tensors) {
    const { name, shape, type } = tensor;
    const nameBytes = encoder.encode(name).length;
    if (names.has(name) || nameBytes === 0 || nameBytes >= GGUF_MAX_NAME_BYTES) {
      const found = names.has(name) ? 'the name twice' : `a name of ${nameBytes} bytes`;
      throw new UsageError(`Cannot write tensor "${name}": found ${found}`, {
        code: 'tensor-name',
        hint: `GGUF needs unique names of 1 to ${GGUF_MAX_NAME_BYTES - 1} bytes`,
      });
    }
    names.add(name);
    if (shape.length < 1 || shape.length > 4 || !shape.every((dim) => Number.isSafeInteger(dim) && dim > 0)) {
      throw new ShapeError(`Cannot write tensor "${name}" of shape [${shape.join(', ')}]`, {
        code: 'tensor-shape',
        hint: 'GGUF needs 1 to 4 dimensions of 1 or more',
      });
    }
    if (type.id < 0) {
      throw new UsageError(`Cannot write tensor "${name}": GGUF has no ${type.name}`, {
        code: 'no-gguf-type',
        hint: 'convert it to bf16 or q8_0',
      });
    }
    const rowElements = shape[shape.length - 1];
    if (rowElements % type.blockElements !== 0) {
      throw new ShapeError(
        `Cannot write tensor "${name}" as ${type.name}: rows of ${formatCount(rowElements)} elements ` +
          `do not divide into blocks of ${type.blockElements}`,
        {
          code: 'block-size',
          hint: 'choose a type with smaller blocks for this tensor, such as q8_0 or q5_0',
        },
      );
    }
  }
  if (content.metadata.has(''))
    throw new UsageError('Cannot write a metadata key without a name', { code: 'metadata-key' });
  const alignment = content.metadata.get('general.alignment') ?? {
    type: 'u32',
    value: GGUF_DEFAULT_ALIGNMENT,
  };
  if (alignment.type !== 'u32' || alignment.value < 8 || (alignment.value & (alignment.value - 1)) !== 0) {
    throw new UsageError(`Cannot write a file with general.alignment ${String(alignment.value)}`, {
      code: 'bad-alignment',
      hint: 'give a u32 that is a power of two, 8 or more',
    });
  }
  return alignment.value;
}
