/** The input files of a pipeline: patterns to names, and which format each has. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UsageError } from '../../core/errors.ts';
import type { Row } from '../plan/row.ts';
import { docNo } from '../plan/row.ts';
import type { InputFormat } from '../stages/page.ts';

/**
 * A row for each file, in the order of their names' bytes: it decides the numbers of documents. Throws one `UsageError` for
 * patterns that match nothing and for files of unknown formats.
 */
export async function listInputs(patterns: readonly string[], baseFolder: string): Promise<Row[]> {
  const found = await Promise.all(patterns.map((pattern) => expand(pattern, baseFolder)));
  const empty = patterns.filter((_, i) => found[i].length === 0);
  if (empty.length > 0) {
    throw new UsageError(`Cannot find the inputs ${empty.join(', ')}`, {
      code: 'file-not-found',
      hint: 'check the spelling; a relative path starts at the folder of the pipeline file',
    });
  }
  const paths = [...new Set(found.flat())].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const unknown = paths.filter((path) => !formatOf(path));
  if (unknown.length > 0) {
    throw new UsageError(`Cannot use ${unknown.slice(0, 5).join(', ')} as input: unknown format`, {
      code: 'unknown-input',
      hint: 'inputs end with .warc, .arc (also .gz, .zst) or .jsonl (also .gz)',
    });
  }
  return await Promise.all(
    paths.map(async (path, file_no) => {
      const { size, mtimeMs } = await stat(resolve(baseFolder, path));
      // The time is part of the hash of all tables: a file that was changed is read again.
      return {
        doc_no: docNo(file_no, 0),
        file_no,
        path,
        format: formatOf(path) as string,
        size,
        mtime: Math.floor(mtimeMs),
      };
    }),
  );
}

export function formatOf(path: string): InputFormat | undefined {
  if (/\.w?arc(?:\.gz|\.zst)?$/i.test(path)) return 'archive';
  return /\.(?:jsonl|ndjson)(?:\.gz)?$/i.test(path) ? 'lines' : undefined;
}

/** `*` and `?` match within a name. A path without them is one file. */
async function expand(pattern: string, baseFolder: string): Promise<string[]> {
  const parts = pattern.split('/');
  let paths = [parts[0] === '' ? '/' : ''];
  for (const part of parts.filter((one) => one !== '')) {
    const isPattern = /[*?]/.test(part);
    const next = await Promise.all(
      paths.map(async (path) => {
        if (!isPattern) return [join(path, part)];
        const names = await readdir(resolve(baseFolder, path)).catch(() => []);
        const matcher = matcherOf(part);
        return names.filter((name) => matcher.test(name)).map((name) => join(path, name));
      }),
    );
    paths = next.flat();
  }
  const files = await Promise.all(
    paths.map(async (path) =>
      (await stat(resolve(baseFolder, path)).catch(() => undefined))?.isFile() ? path : '',
    ),
  );
  return files.filter((path) => path !== '');
}

function matcherOf(part: string): RegExp {
  const source = part
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  // As in a shell, a pattern does not match hidden files by accident.
  return new RegExp(`^${part.startsWith('.') ? '' : '(?!\\.)'}${source}$`);
}
