import { stat } from 'node:fs/promises';
import { DotsError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { checkMetadata, type Finding } from '../doctor/check-metadata.ts';
import { scanValues } from '../doctor/scan-values.ts';
import { type OpenGguf, openGguf } from '../format/gguf-shards.ts';
import { writeGguf } from '../format/gguf-writer.ts';
import type { StoredTensor } from '../format/stored-tensor.ts';
import { bindWeights } from '../model/bind-weights.ts';
import { configFromGguf } from '../model/config-gguf.ts';
import { weightSpecs } from '../model/weights.ts';
import { openImportance } from '../quantize/importance-files.ts';
import { importanceOf } from '../quantize/importance-matrix.ts';
import { checkOutput } from './check-output.ts';
import { lockOutput } from './lock-output.ts';
import type { CommonFlags } from './options.ts';
import { resolveModel } from './resolve-model.ts';
import type { Session } from './session.ts';

export interface DoctorFlags extends CommonFlags {
  readonly fix?: string;
  readonly imatrix?: string;
  /** False: weights are not read. */
  readonly values: boolean;
  readonly force?: boolean;
}

/** `dots doctor`: what is wrong with a GGUF file. Exit code 1 if anything is and was not mended. */
export async function doctor(session: Session, model: string | undefined, flags: DoctorFlags): Promise<void> {
  const path = await resolveModel(session, model, flags);
  if ((await stat(path).catch(() => undefined))?.isDirectory()) throw isFolder(path);
  if (flags.fix !== undefined) await checkOutput('mend', path, flags.fix, flags.force ?? false);
  const findings: Finding[] = [];
  const file = await openGguf(path).catch((error: unknown) => {
    findings.push(findingOf(error));
    return undefined;
  });
  try {
    if (file) findings.push(...(await examine(session, file, path, flags)));
    const isFixed = file !== undefined && flags.fix !== undefined && findings.some(({ fix }) => fix);
    const out = flags.fix as string;
    if (isFixed) await lockOutput(out, () => writeFixed(session, file, findings, out, flags));
    await report(session, path, findings, isFixed ? flags.fix : undefined, flags);
    const left = findings.filter(({ fix }) => !(isFixed && fix));
    if (left.length > 0) session.exitCode = 1;
  } finally {
    await file?.close();
  }
}

async function examine(
  session: Session,
  file: OpenGguf,
  path: string,
  flags: DoctorFlags,
): Promise<Finding[]> {
  const { metadata, tensors } = file;
  const findings = checkMetadata(metadata);
  try {
    const config = configFromGguf(file, path);
    bindWeights(config, tensors, 'gguf', path);
    if (flags.imatrix !== undefined) {
      const matrix = await openImportance(flags.imatrix);
      for (const { gguf, shape } of weightSpecs(config)) importanceOf(matrix, { name: gguf, shape });
    }
  } catch (error) {
    findings.push(findingOf(error));
  }
  if (!flags.values) return findings;
  const progress = session.progress('examining', 'bytes', flags);
  try {
    const bad = await scanValues(tensors, {
      signal: session.signal,
      onProgress: (done, total, tensor) => progress.update(done, total, tensor),
    });
    return [...findings, ...bad];
  } finally {
    progress.clear();
  }
}

function isFolder(path: string): UsageError {
  return new UsageError(`Cannot examine ${path}: it is a folder, and dots doctor reads GGUF files`, {
    code: 'not-a-file',
    hint: 'dots info names what a Hugging Face folder lacks; dots convert makes a GGUF file of it',
  });
}

function findingOf(error: unknown): Finding {
  if (!(error instanceof DotsError) || error.code === 'file-not-found') throw error;
  return { fault: error.code, message: error.message, remedy: error.hint ?? 'get the file again' };
}

async function writeFixed(
  session: Session,
  file: OpenGguf,
  findings: readonly Finding[],
  out: string,
  flags: DoctorFlags,
): Promise<void> {
  const metadata = new Map(file.metadata);
  for (const [key, value] of findings.flatMap(({ fix }) => [...(fix ?? [])])) {
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
  }
  const shards = file.sources;
  const progress = session.progress('writing', 'bytes', flags);
  try {
    await writeGguf<StoredTensor>(
      out,
      { metadata, tensors: [...file.tensors.values()], bytes: piecesOf },
      {
        signal: session.signal,
        shardOf: ({ source }) => shards.indexOf(source),
        onProgress: ({ doneBytes, sizeBytes, tensor }) => progress.update(doneBytes, sizeBytes, tensor),
      },
    );
  } finally {
    progress.clear();
  }
}

const PIECE_BYTES = 1 << 24;

async function* piecesOf({ source, offset, sizeBytes }: StoredTensor): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; at += PIECE_BYTES)
    yield await source.read(offset + at, Math.min(PIECE_BYTES, sizeBytes - at));
}

async function report(
  session: Session,
  path: string,
  findings: readonly Finding[],
  fixed: string | undefined,
  { json, values }: DoctorFlags,
): Promise<void> {
  if (json) {
    await session.json({
      file: path,
      isHealthy: findings.length === 0,
      ...(fixed !== undefined && { fixed }),
      findings: findings.map(({ fault, message, remedy, fix }) => ({
        code: fault,
        message,
        remedy,
        canFix: fix !== undefined,
      })),
    });
    return;
  }
  for (const { fault, message, remedy, fix } of findings) {
    const verb = fix ? (fixed === undefined ? '--fix would' : 'mended:') : 'what helps:';
    await session.line(`${fault}: ${message}\n  ${verb} ${remedy}`);
  }
  const scanned = values ? '' : ' (weights were not read)';
  if (findings.length === 0) await session.line(`${path} is healthy${scanned}`);
  else if (fixed !== undefined) await session.line(`wrote ${fixed}`);
  else
    await session.line(
      `${formatCount(findings.length)} ${findings.length === 1 ? 'problem' : 'problems'}${scanned}`,
    );
}
