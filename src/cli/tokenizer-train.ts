/** `dots tokenizer train`: stream text files into the BPE trainer and write a tokenizer.json. */
import { createReadStream } from 'node:fs';
import { access, constants, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FormatError, ResourceError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { BpeTrainer } from '../text/bpe-trainer.ts';

export interface TrainTokenizerOptions {
  /** Plain text, or one JSON document per line (`.jsonl`, `.ndjson`); either may be gzipped (`.gz`). */
  readonly files: readonly string[];
  readonly vocabSize: number;
  readonly out: string;
  /** Field of the JSON documents that holds the text. Default `text`. */
  readonly field?: string;
  readonly minFrequency?: number;
  readonly maxTokenLength?: number;
  readonly specialTokens?: readonly string[];
  /** Leave text as it is instead of putting it into form NFC. */
  readonly noNormalize?: boolean;
  /** Stop a file at this many bytes: plain text there, JSON lines after the line that reaches it. Default: read all. */
  readonly maxBytesPerFile?: number;
  readonly signal?: AbortSignal;
  /** `read` counts bytes of the files, `merge` counts merges. */
  readonly onProgress?: (phase: 'read' | 'merge', done: number, total: number) => void;
}

export interface TrainTokenizerResult {
  /** Tokens in all. */
  readonly vocab: number;
  readonly merges: number;
  /** UTF-8 bytes of the training text for each token. */
  readonly bytesPerToken: number;
}

const CHUNK_BYTES = 1 << 18;

/**
 * Train a tokenizer on files and write it to `out`, which is replaced only when the new one is complete. Throws
 * `UsageError`, `FormatError` (file and line of a bad document) or `ResourceError`; the signal's reason when aborted.
 */
export async function trainTokenizerCommand(options: TrainTokenizerOptions): Promise<TrainTokenizerResult> {
  const { files, out, signal } = options;
  if (files.length === 0) {
    throw new UsageError('Cannot train a tokenizer: no files are given', {
      code: 'no-training-files',
      hint: 'name at least one text or .jsonl file: dots tokenizer train corpus.txt --vocab-size 16000 --out tokenizer.json',
    });
  }
  const trainer = new BpeTrainer({
    vocabSize: options.vocabSize,
    normalize: options.noNormalize !== true,
    ...(options.minFrequency !== undefined && { minFrequency: options.minFrequency }),
    ...(options.maxTokenLength !== undefined && { maxTokenLength: options.maxTokenLength }),
    ...(options.specialTokens !== undefined && { specialTokens: options.specialTokens }),
  });
  const sizes: number[] = [];
  for (const file of files) sizes.push(await checkReadable(file));
  await checkWritable(out);

  const totalBytes = sizes.reduce((a, b) => a + b, 0);
  let doneBytes = 0;
  for (const [index, file] of files.entries()) {
    const before = doneBytes;
    await readInto(trainer, file, options, (bytes) =>
      options.onProgress?.('read', before + bytes, totalBytes),
    );
    doneBytes += sizes[index];
    options.onProgress?.('read', doneBytes, totalBytes);
  }
  if (trainer.numPieces === 0) {
    throw new UsageError(`Cannot train a tokenizer: ${files.join(', ')} hold no text`, {
      code: 'empty-training-text',
      hint: 'give at least one file that is not empty',
    });
  }
  const trained = await trainer.train({
    ...(signal !== undefined && { signal }),
    onProgress: (done, total) => options.onProgress?.('merge', done, total),
  });
  await writeBeside(out, trained.tokenizerJson());
  return { vocab: trained.vocabSize, merges: trained.merges.length, bytesPerToken: trained.bytesPerToken };
}

/** Size in bytes. */
async function checkReadable(file: string): Promise<number> {
  const info = await stat(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  if (info.isDirectory()) {
    throw new UsageError(`Cannot read ${file}: it is a folder`, {
      code: 'not-a-file',
      hint: `name the files in it, for example ${file.replace(/\/$/, '')}/*.jsonl`,
    });
  }
  return info.size;
}

/** Found out before the hours of work, not after. */
async function checkWritable(out: string): Promise<void> {
  const target = await stat(out).catch(() => undefined);
  if (target?.isDirectory() === true) {
    throw new UsageError(`Cannot write the tokenizer to ${out}: it is a folder`, {
      code: 'not-a-file',
      hint: `give a file name, for example --out ${out.replace(/\/$/, '')}/tokenizer.json`,
    });
  }
  await access(dirname(out), constants.W_OK).catch((cause: unknown) => {
    throw unwritable(out, cause);
  });
}

async function readInto(
  trainer: BpeTrainer,
  file: string,
  options: TrainTokenizerOptions,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const isGzip = file.endsWith('.gz');
  const isJsonLines = /\.(jsonl|ndjson)$/.test(isGzip ? file.slice(0, -3) : file);
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  // Destroying the far end when the loop below ends early also closes the file; its error arrives in the loop.
  const stream = isGzip ? pipeline(source, createGunzip({ chunkSize: CHUNK_BYTES }), () => {}) : source;
  const maxBytes = options.maxBytesPerFile ?? Number.POSITIVE_INFINITY;
  const sink = isJsonLines
    ? jsonLinesSink(trainer, file, options.field ?? 'text', maxBytes)
    : plainTextSink(trainer, maxBytes);
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      options.signal?.throwIfAborted();
      const isFull = sink.write(chunk);
      onBytes(source.bytesRead);
      if (isFull) return;
    }
    sink.end();
  } catch (cause) {
    if (
      cause instanceof Error &&
      'code' in cause &&
      typeof cause.code === 'string' &&
      cause.code.startsWith('Z_')
    ) {
      throw new FormatError(`Cannot decompress ${file}: ${cause.message}`, {
        code: 'bad-gzip',
        hint: 'the file is damaged or incomplete; compare its size with where it came from',
        cause,
      });
    }
    if (cause instanceof Error && 'syscall' in cause) throw unreadable(file, cause);
    throw cause;
  } finally {
    trainer.endText();
    stream.destroy();
    source.destroy();
  }
}

interface Sink {
  /** True once the limit is reached. */
  write(chunk: Uint8Array): boolean;
  /** The file ended: what is held back is complete. */
  end(): void;
}

function plainTextSink(trainer: BpeTrainer, maxBytes: number): Sink {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let numBytes = 0;
  return {
    write(chunk) {
      const part = chunk.subarray(0, maxBytes - numBytes);
      numBytes += part.length;
      trainer.addChunk(decoder.decode(part, { stream: true }));
      return numBytes >= maxBytes;
    },
    end() {
      trainer.addChunk(decoder.decode());
    },
  };
}

function jsonLinesSink(trainer: BpeTrainer, file: string, field: string, maxBytes: number): Sink {
  const decoder = new TextDecoder();
  let held: Uint8Array[] = [];
  let line = 0;
  let numBytes = 0;
  const addLine = (bytes: Uint8Array): void => {
    line++;
    const json = decoder.decode(bytes);
    if (json.trim() === '') return;
    trainer.addText(readField(json, field, file, line));
    numBytes += bytes.length;
  };
  return {
    write(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        const tail = chunk.subarray(start, end);
        addLine(held.length === 0 ? tail : joined([...held, tail]));
        held = [];
        start = end + 1;
        if (numBytes >= maxBytes) return true;
      }
      if (start < chunk.length) held.push(chunk.slice(start));
      return false;
    },
    end() {
      if (held.length > 0) addLine(joined(held));
    },
  };
}

function readField(json: string, field: string, file: string, line: number): string {
  let found: string;
  try {
    const document: unknown = JSON.parse(json);
    if (typeof document === 'object' && document !== null && Object.hasOwn(document, field)) {
      const text: unknown = (document as Record<string, unknown>)[field];
      if (typeof text === 'string') return text;
      found = `its "${field}" is not a string`;
    } else found = `it has no field "${field}"`;
  } catch {
    found = 'it is not JSON';
  }
  throw new FormatError(`Cannot read line ${formatCount(line)} of ${file}: ${found}`, {
    code: 'bad-training-document',
    hint: 'every line must be an object with its text in that field; choose the field with --field NAME',
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** A reader of `out` sees the old file or the new one, never a part. */
async function writeBeside(out: string, text: string): Promise<void> {
  const partial = `${out}.partial-${process.pid}`;
  try {
    const handle = await open(partial, 'w');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, out);
  } catch (cause) {
    await rm(partial, { force: true });
    throw unwritable(out, cause);
  }
}

function unreadable(file: string, cause: unknown): UsageError | ResourceError {
  if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) {
    return new UsageError(`Cannot read ${file}: there is no such file`, {
      code: 'file-not-found',
      hint: 'check the spelling; a relative path starts at the current folder',
      cause,
    });
  }
  return new ResourceError(`Cannot read ${file}: ${reason(cause)}`, {
    code: 'unreadable-file',
    hint: 'check the permissions of the file',
    cause,
  });
}

function unwritable(out: string, cause: unknown): ResourceError {
  return new ResourceError(`Cannot write the tokenizer to ${out}: ${reason(cause)}`, {
    code: 'unwritable-file',
    hint: 'check that the folder exists, that you may write to it and that the disk has room',
    cause,
  });
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
