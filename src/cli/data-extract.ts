import { lstat, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type ExtractCorpusResult, extractCorpus } from '../data/extract/extract-corpus.ts';
import { lockOutput } from './lock-output.ts';
import type { Session } from './session.ts';

export interface DataExtractFlags {
  readonly out: string;
  readonly errors?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

/** `dots data extract`. */
export async function dataExtract(
  session: Session,
  files: readonly string[],
  flags: DataExtractFlags,
): Promise<void> {
  const errors = flags.errors ?? `${flags.out.replace(/\.jsonl$/, '')}.errors.jsonl`;
  await checkPaths(files, flags.out, errors);
  const progress = session.progress('extracting', 'bytes', flags);
  try {
    const result = await lockOutput(flags.out, () =>
      extractCorpus({
        files,
        out: flags.out,
        errors,
        threads: flags.threads,
        stdin: session.io.stdin as AsyncIterable<Uint8Array>,
        signal: session.signal,
        onProgress: (done, total, pages) =>
          total > 0 && progress.update(done, total, `${formatCount(pages)} pages`),
      }),
    );
    progress.clear();
    if (flags.json)
      await session.json({ out: flags.out, ...(result.errors > 0 && { errorTable: errors }), ...result });
    else await report(session, result, flags.out, errors);
  } finally {
    progress.clear();
  }
}

async function report(
  session: Session,
  result: ExtractCorpusResult,
  out: string,
  errors: string,
): Promise<void> {
  const types = Object.entries(result.pageTypes)
    .sort((a, b) => b[1] - a[1])
    .map(([type, count]) => `${formatCount(count)} ${type}`);
  await session.line(
    `wrote ${out}: ${formatCount(result.pages)} pages, ${formatCount(result.chars)} characters` +
      `${result.empty > 0 ? `, ${formatCount(result.empty)} without main text` : ''}` +
      `${result.resumed > 0 ? `; ${formatCount(result.resumed)} lines were done before` : ''}`,
  );
  if (types.length > 0) await session.line(`types: ${types.join(', ')}`);
  if (result.errors === 0) return;
  const codes = Object.entries(result.errorCodes).map(([code, count]) => `${formatCount(count)} ${code}`);
  await session.line(
    `wrote ${errors}: ${formatCount(result.errors)} lines could not be extracted (${codes.join(', ')})`,
  );
}

async function checkPaths(files: readonly string[], out: string, errors: string): Promise<void> {
  if (files.filter((file) => file === '-').length > 1) {
    throw new UsageError('Cannot read stdin twice', { code: 'stdin-twice', hint: 'give - once' });
  }
  const outputs = await Promise.all([out, errors].map(pathOf));
  if (outputs[0] === outputs[1]) {
    throw new UsageError(`Cannot write the output and its errors both to ${out}`, {
      code: 'same-output',
      hint: 'give another name for --errors',
    });
  }
  for (const file of files) {
    if (file !== '-' && outputs.includes(await pathOf(file))) {
      throw new UsageError(`Cannot extract ${file} onto itself`, {
        code: 'same-output',
        hint: 'give another name for the output',
      });
    }
    const found = file === '-' ? undefined : await lstat(file).catch(() => undefined);
    if (file !== '-' && !found) {
      throw new UsageError(`Cannot read ${file}: there is no such file`, {
        code: 'file-not-found',
        hint: 'check the spelling; a relative path starts at the current folder',
      });
    }
  }
}

async function pathOf(path: string): Promise<string> {
  return await realpath(path).catch(() => resolve(path));
}
