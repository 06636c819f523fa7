import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { DotsError, UsageError } from '../../src/core/errors.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import type { ByteSink } from '../../src/format/byte-sink.ts';
import type { ByteSource } from '../../src/format/byte-source.ts';
import type { GgufMetadata, GgufValue } from '../../src/format/gguf-values.ts';
import { type GgufWriteOptions, writeGguf } from '../../src/format/gguf-writer.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import type { StoredTensor } from '../../src/format/stored-tensor.ts';
import { type TensorToWrite, tensorBytes } from '../../src/format/write-tensors.ts';

/** Path of a recorded file. */
export function golden(name: string): string {
  return fileURLToPath(new URL(`../golden/format/${name}`, import.meta.url));
}

/** The error that `action` throws, which has to be one of ours. */
export async function errorOf(action: () => Promise<unknown>): Promise<DotsError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof DotsError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Type, shape, size and SHA-256 of the bytes: the form in which the recipes record tensors. */
export async function summarise(tensor: StoredTensor): Promise<[string, readonly number[], number, string]> {
  const bytes = await tensor.source.read(tensor.offset, tensor.sizeBytes);
  return [tensor.type.name, tensor.shape, tensor.sizeBytes, createHash('sha256').update(bytes).digest('hex')];
}

/** Files in memory, with the contracts of a disk. */
export class MemoryFiles {
  readonly files = new Map<string, Uint8Array>();
  discarded = 0;

  readonly open = async (name: string): Promise<ByteSource> => {
    const bytes = this.files.get(name);
    if (!bytes) throw new UsageError(`Cannot open ${name}`, { code: 'file-not-found' });
    return memorySource(bytes, name);
  };

  readonly create = async (name: string): Promise<ByteSink> => {
    const pieces: Uint8Array[] = [];
    return {
      name,
      write: async (bytes) => {
        pieces.push(bytes.slice());
      },
      finish: async () => {
        this.files.set(name, concat(pieces));
      },
      discard: async () => {
        this.discarded++;
      },
    };
  };

  folder(name: string) {
    return {
      name,
      create: (fileName: string) => this.create(`${name}/${fileName}`),
      open: async (fileName: string) =>
        this.files.has(`${name}/${fileName}`) ? await this.open(`${name}/${fileName}`) : undefined,
    };
  }
}

export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export function tensor(name: string, typeName: string, ...shape: number[]): TensorToWrite {
  return { name, type: storageTypeByName(typeName), shape };
}

/** Bytes that depend on the name, in two pieces. */
export function* fillBytes(tensorToFill: TensorToWrite): Generator<Uint8Array> {
  const seed = [...tensorToFill.name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  const bytes = Uint8Array.from({ length: tensorBytes(tensorToFill) }, (_, i) => (i * 7 + seed) & 255);
  yield bytes.subarray(0, 5);
  yield bytes.subarray(5);
}

export const u32 = (value: number): GgufValue => ({ type: 'u32', value });
export const text = (value: string): GgufValue => ({ type: 'string', value });

/** The bytes of a GGUF written by our writer. */
export async function ggufBytes(
  metadata: Record<string, GgufValue> | GgufMetadata,
  tensors: readonly TensorToWrite[],
  options: GgufWriteOptions = {},
): Promise<Uint8Array> {
  const memory = new MemoryFiles();
  const entries = metadata instanceof Map ? metadata : new Map(Object.entries(metadata));
  await writeGguf(
    'model.gguf',
    { metadata: entries, tensors, bytes: fillBytes },
    { createSink: memory.create, ...options },
  );
  return memory.files.get('model.gguf')!;
}
