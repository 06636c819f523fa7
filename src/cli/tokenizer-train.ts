/** `dots tokenizer train`: stream text files into the BPE trainer and write a tokenizer.json. */
import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ResourceError, UsageError } from '../core/errors.ts';
import { readJsonLines, textField } from '../data/json-lines.ts';
import { readBytes } from '../data/read-bytes.ts';
import { writeAll } from '../format/byte-sink.ts';
import { createFileSink } from '../format/file-source.ts';
import { decodeParts } from '../format/json.ts';
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
  const bytes = new TextEncoder().encode(trained.tokenizerJson());
  await writeAll(await createFileSink(out, bytes.length), [bytes]);
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
  const isJsonLines = /\.(jsonl|ndjson)(\.gz)?$/.test(file);
  try {
    await (isJsonLines ? readDocuments : readPlainText)(trainer, file, options, onBytes);
  } finally {
    trainer.endText();
  }
}

async function readDocuments(
  trainer: BpeTrainer,
  file: string,
  { field = 'text', maxBytesPerFile = Number.POSITIVE_INFINITY, signal }: TrainTokenizerOptions,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let numBytes = 0;
  for await (const document of readJsonLines(file, { signal, onBytes })) {
    trainer.addText(textField(document, field, file));
    numBytes += document.numBytes;
    if (numBytes >= maxBytesPerFile) return;
  }
}

async function readPlainText(
  trainer: BpeTrainer,
  file: string,
  { maxBytesPerFile = Number.POSITIVE_INFINITY, signal }: TrainTokenizerOptions,
  onBytes: (bytes: number) => void,
): Promise<void> {
  for await (const text of decodeParts(readBytes(file, { signal, onBytes }), file, maxBytesPerFile))
    trainer.addChunk(text);
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
