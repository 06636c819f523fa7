import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ConvertSource, openConvertSource } from '../convert/convert-source.ts';
import { llamaCppWarnings } from '../convert/llama-cpp.ts';
import { plainTypes, writeGgufModel } from '../convert/write-gguf.ts';
import { writeHfModel } from '../convert/write-hf.ts';
import { ResourceError, UsageError } from '../core/errors.ts';
import { formatBytes, formatCount } from '../core/units.ts';
import { createFileFolder } from '../format/file-source.ts';
import type { WriteOptions } from '../format/write-tensors.ts';
import { tensorTypeByName } from '../quantize/type-plan.ts';
import { checkOutput } from './check-output.ts';
import { chooseEncoder } from './choose-encoder.ts';
import { lockOutput } from './lock-output.ts';
import type { CommonFlags } from './options.ts';
import { resolveModel } from './resolve-model.ts';
import type { Session } from './session.ts';

export interface ConvertFlags extends CommonFlags {
  readonly type?: string | undefined;
  readonly force?: boolean;
}

/** Values are rounded, nothing is searched: the same bytes with and without the native backend. */
const PLAIN = ['f32', 'f16', 'bf16', 'q8_0'];

/** `dots convert`: the name of OUT decides what is written. OUT appears when it is complete, or not at all. */
export async function convert(
  session: Session,
  from: string,
  to: string,
  flags: ConvertFlags,
): Promise<void> {
  checkEnding(to);
  const type = flags.type === undefined ? undefined : tensorTypeByName(flags.type);
  const path = await resolveModel(session, from, flags);
  await lockOutput(to, () => convertLocked(session, path, to, { ...flags, type }));
}

async function convertLocked(
  session: Session,
  input: string,
  to: string,
  flags: ConvertFlags,
): Promise<void> {
  const { type } = flags;
  await checkTarget(input, to, flags.force ?? false);
  const warnings: string[] = [];
  const warn = (message: string): void => {
    warnings.push(message);
    session.warn(message);
  };
  const source = await openConvertSource(input, warn);
  const progress = session.progress('converting', 'bytes', flags);
  try {
    const encoder = type !== undefined && !PLAIN.includes(type) && (await chooseEncoder(session, flags));
    if (isGgufName(to)) llamaCppWarnings(source.config).forEach(warn);
    const options: WriteOptions = {
      signal: session.signal,
      onProgress: ({ doneBytes, sizeBytes, tensor }) => progress.update(doneBytes, sizeBytes, tensor),
    };
    const { sizeBytes, numTensors } = isGgufName(to)
      ? await writeGgufModel(
          source,
          to,
          type ? { types: plainTypes(type), ...(encoder && { encoder: () => encoder }) } : {},
          options,
        )
      : await writeFolder(source, to, type, options);
    progress.clear();
    if (flags.json) await session.json({ tensors: numTensors, bytes: sizeBytes, warnings });
    else await session.line(`wrote ${to}: ${formatCount(numTensors)} tensors, ${formatBytes(sizeBytes)}`);
  } finally {
    progress.clear();
    await source.close();
  }
}

function isGgufName(path: string): boolean {
  return path.toLowerCase().endsWith('.gguf');
}

/** Endings of files that are not written, and so were meant otherwise. */
const OTHER_FILES = ['bin', 'ggml', 'safetensors', 'pt', 'pth', 'onnx', 'json', 'zip', 'gz', 'tar'];

/** Refuses a folder whose name looks like that of a file: `model.gg` would become one. */
function checkEnding(path: string): void {
  const [, ending] = /\.([a-z0-9]+)$/i.exec(path) ?? [];
  if (ending === undefined || isGgufName(path)) return;
  const isTypo = ending.length >= 2 && ending.length <= 6 && editDistance(ending.toLowerCase(), 'gguf') <= 2;
  if (!isTypo && !OTHER_FILES.includes(ending.toLowerCase())) return;
  throw new UsageError(`Cannot write ${path}: .${ending} is neither a GGUF file nor a folder`, {
    code: 'output-ending',
    hint: `write ${path.slice(0, -ending.length)}gguf for a GGUF file, or ${path}/ for a folder of this name`,
  });
}

/** Letters to insert, remove or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++)
      next.push(Math.min(row[j] + (letter === b[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1));
    row = next;
  }
  return row[b.length];
}

/** A folder is not replaced by a file, nor a file by a folder. */
async function checkTarget(input: string, output: string, force: boolean): Promise<void> {
  const found = await checkOutput('convert', input, output, force);
  if (found === 'nothing' || (found === 'folder') !== isGgufName(output)) return;
  throw new UsageError(`Cannot write ${output}: it is a ${found}`, {
    code: 'wrong-output-kind',
    hint: 'a name that ends in .gguf makes a file, any other a folder',
  });
}

/** Writes into a temporary folder next to `target` and moves it at the end: a half-written model is never mistaken for one. */
async function writeFolder(
  source: ConvertSource,
  to: string,
  type: string | undefined,
  options: WriteOptions,
): ReturnType<typeof writeHfModel> {
  const target = resolve(to);
  const beside = await mkdtemp(`${target}.partial-`).catch((cause: unknown) => {
    throw unwritable(to, cause);
  });
  try {
    const written = await writeHfModel(source, await createFileFolder(join(beside, 'model')), type, options);
    options.signal?.throwIfAborted();
    await moveFolder(join(beside, 'model'), target).catch((cause: unknown) => {
      throw unwritable(to, cause);
    });
    return written;
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

async function moveFolder(from: string, to: string): Promise<void> {
  const names = await readdir(from);
  const old = await readdir(to).catch(() => undefined);
  if (!old) {
    await rename(from, to);
    return;
  }
  // Other files in the folder are not ours to remove, but weights of an earlier model would be loaded in place of these.
  const stale = old.filter(
    (name) => /^model.*\.safetensors(\.index\.json)?$/.test(name) && !names.includes(name),
  );
  for (const name of stale) await rm(join(to, name));
  for (const name of names) await rename(join(from, name), join(to, name));
}

function unwritable(path: string, cause: unknown): Error {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') {
    return new UsageError(`Cannot write ${path}: its parent folder does not exist`, {
      code: 'file-not-found',
      hint: 'make the folder first, or check the spelling',
      cause,
    });
  }
  return new ResourceError(`Cannot write ${path}: ${message}`, {
    code: 'unwritable-file',
    hint: 'check that you may write to the folder and that the disk has room',
    cause,
  });
}
