/** Extracts all pages of files: rows in the order of the input, bad lines in a table of errors. */
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { ExtractThreads, type LineResult } from './extract-threads.ts';
import { MAX_LINE_BYTES, type PageLine, readPageLines } from './page-lines.ts';
import { RowFiles } from './row-files.ts';

export interface ExtractCorpusOptions {
  /** `.jsonl`, plain or gzipped; `-` for stdin. */
  readonly files: readonly string[];
  readonly out: string;
  readonly errors: string;
  readonly threads?: number | undefined;
  readonly stdin?: AsyncIterable<Uint8Array | string>;
  readonly signal?: AbortSignal;
  /** Bytes of all files read so far; 0 of 0 for stdin. */
  readonly onProgress?: (done: number, total: number, pages: number) => void;
}

export interface ExtractCorpusResult {
  readonly pages: number;
  /** Lines that were not pages, and pages that could not be extracted. */
  readonly errors: number;
  /** Pages without any main text; they are in the output all the same. */
  readonly empty: number;
  /** Pages that an earlier, interrupted run had done. */
  readonly resumed: number;
  readonly chars: number;
  readonly pageTypes: Readonly<Record<string, number>>;
  readonly errorCodes: Readonly<Record<string, number>>;
}

export async function extractCorpus(options: ExtractCorpusOptions): Promise<ExtractCorpusResult> {
  const { files, out, errors, signal, stdin } = options;
  const identity = JSON.stringify({ extract: 1, files: await Promise.all(files.map(fingerprint)) });
  const rows = await RowFiles.open(out, errors, identity);
  await using threads = new ExtractThreads(options.threads ?? availableParallelism());
  const sizes = await Promise.all(
    files.map(async (file) => (file === '-' ? 0 : ((await stat(file).catch(() => undefined))?.size ?? 0))),
  );
  const total = sizes.reduce((a, b) => a + b, 0);
  const running: { readonly from: PageLine; readonly result: Promise<LineResult> }[] = [];

  const count = (name: string, by = 1): void => {
    rows.counts[name] = (rows.counts[name] ?? 0) + by;
  };
  const writeFirst = async (): Promise<void> => {
    const first = running.shift();
    if (!first) return;
    const result = await first.result;
    signal?.throwIfAborted();
    if ('json' in result) {
      count('chars', result.numChars);
      if (result.numChars === 0) count('empty');
      count(`type ${result.pageType}`);
      await rows.write(result.json, false);
    } else {
      count(`error ${result.code}`);
      const { id, code, message } = result;
      await rows.write(
        JSON.stringify({ id, file: first.from.file, line: first.from.line, code, message }),
        true,
      );
    }
  };

  try {
    let seen = 0;
    let doneBytes = 0;
    for (const [i, file] of files.entries()) {
      const lines = readPageLines(file, {
        signal,
        ...(stdin && { stdin }),
        onBytes: (bytes) => options.onProgress?.(doneBytes + bytes, total, rows.rows),
      });
      for await (const line of lines) {
        if (seen++ < rows.resumedRows) continue;
        const result = line.bytes ? threads.extract(line.bytes) : Promise.resolve(TOO_LONG);
        running.push({ from: line, result });
        if (running.length >= threads.capacity) await writeFirst();
      }
      doneBytes += sizes[i];
    }
    while (running.length > 0) await writeFirst();
    await rows.finish();
  } catch (error) {
    // What is done stays for the next run.
    await rows.flush().catch(() => undefined);
    await rows.close();
    throw error;
  }
  return summary(rows);
}

const TOO_LONG: LineResult = {
  id: null,
  code: 'page-too-large',
  message: `Cannot extract the page: its line has more than ${MAX_LINE_BYTES} bytes`,
};

function summary({ rows, counts, resumedRows }: RowFiles): ExtractCorpusResult {
  const withPrefix = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      Object.entries(counts)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, value]) => [name.slice(prefix.length), value]),
    );
  const errorCodes = withPrefix('error ');
  const errors = Object.values(errorCodes).reduce((a, b) => a + b, 0);
  return {
    pages: rows - errors,
    errors,
    empty: counts.empty ?? 0,
    resumed: resumedRows,
    chars: counts.chars ?? 0,
    pageTypes: withPrefix('type '),
    errorCodes,
  };
}

/** Shows whether an input is still the one that an interrupted run has read. stdin never is. */
async function fingerprint(file: string): Promise<readonly unknown[]> {
  if (file === '-') return [file, process.pid, Date.now()];
  const found = await stat(file).catch(() => undefined);
  return [file, found?.size, found?.mtimeMs];
}
