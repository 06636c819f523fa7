/** What both writers share: dividing tensors into shards, and streaming their bytes to sinks. */
import { InternalError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type StorageType, storageBytes } from '../dtype/index.ts';
import type { ByteSink, WriteProgress } from './byte-sink.ts';

/** A tensor to write. Callers may pass objects with more in them, which `TensorBytes` gets back. */
export interface TensorToWrite {
  readonly name: string;
  readonly type: StorageType;
  /** Row-major, outermost axis first. */
  readonly shape: readonly number[];
}

/** The bytes of one tensor in pieces of any size, front to back. Called for one tensor at a time. */
export type TensorBytes<T extends TensorToWrite> = (
  tensor: T,
) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: WriteProgress) => void) | undefined;
  /** Called with the names of all files before the first is begun; what it throws ends the writing. */
  readonly onFiles?: (names: readonly string[]) => Promise<void>;
}

/** Where to begin a new file. A tensor is never cut, so one larger than `maxShardBytes` gets a file of its own. */
export interface ShardLimits<T extends TensorToWrite = TensorToWrite> {
  /** Tensors of one number go into one file, in the order of their numbers. The limits then do not count. */
  readonly shardOf?: ((tensor: T) => number) | undefined;
  readonly maxShardBytes?: number | undefined;
  readonly maxShardTensors?: number | undefined;
}

/** One file: its header, then its tensors, each padded to `alignment`. */
export interface FilePlan<T extends TensorToWrite> {
  readonly name: string;
  readonly header: Uint8Array;
  readonly tensors: readonly T[];
  readonly alignment: number;
}

export interface WrittenFiles {
  readonly files: readonly string[];
  readonly sizeBytes: number;
}

export function tensorBytes(tensor: TensorToWrite): number {
  const numElements = tensor.shape.reduce((product, dim) => product * dim, 1);
  return storageBytes(tensor.type, numElements);
}

/** Runs of tensors in their order, one for each file; one empty run if there are no tensors. */
export function divideIntoShards<T extends TensorToWrite>(
  tensors: readonly T[],
  limits: ShardLimits<T>,
): T[][] {
  const { shardOf } = limits;
  if (shardOf) {
    const numbers = [...new Set(tensors.map(shardOf))].sort((a, b) => a - b);
    return numbers.map((number) => tensors.filter((tensor) => shardOf(tensor) === number));
  }
  const { maxShardBytes = Number.POSITIVE_INFINITY, maxShardTensors = Number.POSITIVE_INFINITY } = limits;
  if (!(maxShardBytes > 0) || !(maxShardTensors >= 1)) {
    throw new UsageError(`Cannot split into shards of ${Math.min(maxShardBytes, maxShardTensors)}`, {
      code: 'shard-limit',
      hint: 'give a limit above zero',
    });
  }
  const shards: T[][] = [[]];
  let sizeBytes = 0;
  for (const tensor of tensors) {
    const more = tensorBytes(tensor);
    const shard = shards[shards.length - 1];
    if (shard.length > 0 && (shard.length >= maxShardTensors || sizeBytes + more > maxShardBytes)) {
      shards.push([tensor]);
      sizeBytes = more;
    } else {
      shard.push(tensor);
      sizeBytes += more;
    }
  }
  return shards;
}

/** `PREFIX-00002-of-00005.EXTENSION`; `index` counts from 0. */
export function shardName(prefix: string, index: number, count: number, extension: string): string {
  return `${prefix}-${String(index + 1).padStart(5, '0')}-of-${String(count).padStart(5, '0')}.${extension}`;
}

/**
 * Write the planned files, the one that readers open first in front. They appear under their names once all of them are
 * written; an error or an abort before leaves no files. Throws the signal's reason when aborted.
 */
export async function writeFiles<T extends TensorToWrite>(
  plans: readonly FilePlan<T>[],
  create: (name: string, sizeBytes: number) => Promise<ByteSink>,
  bytes: TensorBytes<T>,
  { signal, onProgress, onFiles }: WriteOptions,
): Promise<WrittenFiles> {
  await onFiles?.(plans.map(({ name }) => name));
  const sizes = plans.map(fileBytes);
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
  const sinks: ByteSink[] = [];
  let doneBytes = 0;
  try {
    for (const [i, plan] of plans.entries()) {
      signal?.throwIfAborted();
      const sink = await create(plan.name, sizes[i]);
      sinks.push(sink);
      const borders = bordersOf(plan);
      const kept = (await sink.resume?.(plan.header, borders)) ?? 0;
      if (kept === 0) await sink.write(plan.header);
      doneBytes += Math.max(kept, plan.header.length);
      for (const [at, tensor] of plan.tensors.entries()) {
        if (borders[at + 1] <= kept) continue;
        await writeTensor(sink, tensor, plan.alignment, bytes, signal, (written) => {
          doneBytes += written;
          onProgress?.({ doneBytes, sizeBytes, tensor: tensor.name });
        });
      }
    }
    signal?.throwIfAborted();
    // Readers start from the first file, so it appears after those that it needs.
    for (const sink of sinks.toReversed()) await sink.finish();
  } catch (error) {
    // Each of them, whatever becomes of another; what that throws besides would hide why.
    await Promise.allSettled(sinks.map((sink) => sink.discard()));
    throw error;
  }
  return { files: sinks.map((sink) => sink.name), sizeBytes };
}

function fileBytes(plan: FilePlan<TensorToWrite>): number {
  return bordersOf(plan).at(-1) as number;
}

/** Where the header and each tensor end. */
function bordersOf({ header, tensors, alignment }: FilePlan<TensorToWrite>): number[] {
  const borders = [header.length];
  for (const [i, tensor] of tensors.entries())
    borders.push(borders[i] + padded(tensorBytes(tensor), alignment));
  return borders;
}

async function writeTensor<T extends TensorToWrite>(
  sink: ByteSink,
  tensor: T,
  alignment: number,
  bytes: TensorBytes<T>,
  signal: AbortSignal | undefined,
  onWritten: (numBytes: number) => void,
): Promise<void> {
  const expected = tensorBytes(tensor);
  let written = 0;
  for await (const piece of bytes(tensor)) {
    signal?.throwIfAborted();
    written += piece.length;
    if (written > expected) break;
    await sink.write(piece);
    onWritten(piece.length);
  }
  if (written !== expected) {
    throw new InternalError(
      `tensor "${tensor.name}" has ${formatCount(expected)} bytes, but ` +
        `${written > expected ? 'more' : `only ${formatCount(written)}`} were supplied`,
    );
  }
  const padding = padded(expected, alignment) - expected;
  if (padding > 0) {
    await sink.write(new Uint8Array(padding));
    onWritten(padding);
  }
}

export function padded(sizeBytes: number, alignment: number): number {
  return Math.ceil(sizeBytes / alignment) * alignment;
}
