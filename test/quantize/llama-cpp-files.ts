/** Files that llama.cpp's quantiser wrote, and what its `to_float` makes of them: record_files.py in test/golden/quantize. */
import { createHash } from 'node:crypto';
import { storageBytes } from '../../src/dtype/index.ts';
import type { ByteSource } from '../../src/format/byte-source.ts';
import { readGguf } from '../../src/format/gguf.ts';

export interface RecordedFiles {
  readonly files: Readonly<Record<string, RecordedFile>>;
}

export interface RecordedFile {
  /** What the quantiser says where it does not write this file type; the rest is absent then. */
  readonly refused?: string;
  readonly bytes: number;
  /** The first digits of the SHA-256 of each tensor's values in f32. */
  readonly tensors: Readonly<Record<string, string>>;
}

/** The same digits of what we decode, by name. */
export async function decodedHashes(file: ByteSource): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const [name, { type, shape, source, offset }] of (await readGguf(file)).tensors) {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = new Float32Array(size);
    type.decode(await source.read(offset, storageBytes(type, size)), 0, values, 0, size);
    hashes[name] = createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex').slice(0, 16);
  }
  return hashes;
}
