/**
 * Two files written together, row by row: output and table of errors. They are invisible under their names until the end. After
 * a crash or Ctrl-C the same work continues where the last note about its progress was made, so that no row is lost or
 * written twice.
 */
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { ResourceError } from '../../core/errors.ts';

interface Progress {
  /** What the work is: inputs and settings. Other work begins anew. */
  readonly identity: string;
  readonly rows: number;
  readonly outBytes: number;
  readonly errorBytes: number;
  /** Whatever the writer counts. */
  readonly counts: Readonly<Record<string, number>>;
}

const FLUSH_BYTES = 1 << 20;
const NOTE_MS = 2000;

export class RowFiles {
  private readonly out: string;
  private readonly errors: string;
  private readonly identity: string;
  private readonly files: readonly [FileHandle, FileHandle];
  private readonly sizes: [number, number];
  private readonly pending: [string[], string[]] = [[], []];
  private pendingChars = 0;
  private notedMs = performance.now();
  /** Rows that an earlier process has written. */
  readonly resumedRows: number;
  rows: number;
  readonly counts: Record<string, number>;

  private constructor(
    out: string,
    errors: string,
    files: readonly [FileHandle, FileHandle],
    progress: Progress,
  ) {
    this.out = out;
    this.errors = errors;
    this.files = files;
    this.identity = progress.identity;
    this.sizes = [progress.outBytes, progress.errorBytes];
    this.resumedRows = this.rows = progress.rows;
    this.counts = { ...progress.counts };
  }

  /** Throws `ResourceError` where files can't be made there. */
  static async open(out: string, errors: string, identity: string): Promise<RowFiles> {
    try {
      const progress = await leftBy(out, errors, identity);
      const flag = progress.rows > 0 ? 'r+' : 'w';
      const files = [await open(partialOf(out), flag), await open(partialOf(errors), flag)] as const;
      await files[0].truncate(progress.outBytes);
      await files[1].truncate(progress.errorBytes);
      return new RowFiles(out, errors, files, progress);
    } catch (cause) {
      throw unwritable(out, cause);
    }
  }

  async write(row: string, isError: boolean): Promise<void> {
    this.pending[isError ? 1 : 0].push(row, '\n');
    this.rows++;
    this.pendingChars += row.length;
    if (this.pendingChars >= FLUSH_BYTES || performance.now() - this.notedMs > NOTE_MS) await this.flush();
  }

  /** Writes what is pending and notes how far the work is. */
  async flush(): Promise<void> {
    try {
      for (const side of [0, 1] as const) {
        const bytes = Buffer.from(this.pending[side].join(''));
        this.pending[side] = [];
        for (let at = 0; at < bytes.length; ) {
          const { bytesWritten } = await this.files[side].write(
            bytes,
            at,
            bytes.length - at,
            this.sizes[side] + at,
          );
          at += bytesWritten;
        }
        this.sizes[side] += bytes.length;
        await this.files[side].datasync();
      }
      this.pendingChars = 0;
      this.notedMs = performance.now();
      const note: Progress = {
        identity: this.identity,
        rows: this.rows,
        outBytes: this.sizes[0],
        errorBytes: this.sizes[1],
        counts: this.counts,
      };
      await writeFile(`${noteOf(this.out)}.new`, JSON.stringify(note));
      await rename(`${noteOf(this.out)}.new`, noteOf(this.out));
    } catch (cause) {
      throw unwritable(this.out, cause);
    }
  }

  /** Put both files in place under their names; a table without errors is not written. */
  async finish(): Promise<void> {
    await this.flush();
    await this.close();
    try {
      if (this.sizes[1] > 0) await rename(partialOf(this.errors), this.errors);
      else {
        await rm(partialOf(this.errors), { force: true });
        // That of an earlier run would be taken for this one's.
        await rm(this.errors, { force: true });
      }
      await rename(partialOf(this.out), this.out);
      await rm(noteOf(this.out), { force: true });
    } catch (cause) {
      throw unwritable(this.out, cause);
    }
  }

  async close(): Promise<void> {
    for (const file of this.files) await file.close().catch(() => undefined);
  }
}

async function leftBy(out: string, errors: string, identity: string): Promise<Progress> {
  const none: Progress = { identity, rows: 0, outBytes: 0, errorBytes: 0, counts: {} };
  try {
    const note = JSON.parse(await readFile(noteOf(out), 'utf8')) as Progress;
    if (note.identity !== identity) return none;
    const sizes = [(await stat(partialOf(out))).size, (await stat(partialOf(errors))).size];
    return sizes[0] >= note.outBytes && sizes[1] >= note.errorBytes ? note : none;
  } catch {
    return none;
  }
}

function partialOf(path: string): string {
  return `${path}.partial`;
}

function noteOf(out: string): string {
  return `${out}.partial.json`;
}

function unwritable(path: string, cause: unknown): ResourceError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return new ResourceError(`Cannot write ${path}: ${message}`, {
    code: code === 'ENOSPC' ? 'disk-full' : 'unwritable-file',
    hint:
      code === 'ENOSPC'
        ? 'free some space and run the same command again: it continues where it stopped'
        : 'check that the folder exists and that you may write there',
    cause,
  });
}
