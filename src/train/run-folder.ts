import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ResourceError } from '../core/errors.ts';
import type { SinkFolder } from '../format/byte-sink.ts';
import { createFileFolder } from '../format/file-source.ts';

const PARTIAL = '.partial';
const LOG = 'log.jsonl';

/** A line of the log; `step` is the number of steps done. */
export type LogRecord = { readonly type: string; readonly step: number } & Readonly<Record<string, unknown>>;

/**
 * The files of a run: `checkpoints/step-N` and `log.jsonl`. A checkpoint is written under a temporary name and renamed when it is
 * complete, so whatever bears the name is whole, even if the process was killed.
 */
export class RunFolder {
  readonly path: string;
  private readonly checkpointsPath: string;

  private constructor(path: string) {
    this.path = path;
    this.checkpointsPath = join(path, 'checkpoints');
  }

  static async open(path: string): Promise<RunFolder> {
    const folder = new RunFolder(path);
    await attempt(`make the folder ${folder.checkpointsPath}`, () =>
      mkdir(folder.checkpointsPath, { recursive: true }),
    );
    return folder;
  }

  /** Paths of complete checkpoints, oldest first. Removes what was left half-written. */
  async checkpoints(): Promise<string[]> {
    const names = await readdir(this.checkpointsPath);
    for (const name of names.filter((one) => one.endsWith(PARTIAL)))
      await rm(join(this.checkpointsPath, name), { recursive: true, force: true });
    return names
      .filter((name) => /^step-\d+$/.test(name))
      .sort()
      .map((name) => join(this.checkpointsPath, name));
  }

  checkpointPath(step: number): string {
    return join(this.checkpointsPath, `step-${String(step).padStart(8, '0')}`);
  }

  /** Gives the path. Whatever fails leaves older checkpoints as they are and nothing of this one. */
  async writeCheckpoint(
    step: number,
    write: (folder: SinkFolder, subFolder: (name: string) => Promise<SinkFolder>) => Promise<void>,
  ): Promise<string> {
    const path = this.checkpointPath(step);
    const partial = path + PARTIAL;
    await rm(partial, { recursive: true, force: true });
    try {
      await write(await createFileFolder(partial), (name) => createFileFolder(join(partial, name)));
      await rm(path, { recursive: true, force: true });
      await attempt(`finish ${path}`, () => rename(partial, path));
    } catch (error) {
      await rm(partial, { recursive: true, force: true });
      throw error;
    }
    return path;
  }

  async removeCheckpoint(path: string): Promise<void> {
    // Under another name first: half a checkpoint must not look like one.
    await rename(path, path + PARTIAL);
    await rm(path + PARTIAL, { recursive: true, force: true });
  }

  async log(record: LogRecord): Promise<void> {
    const path = join(this.path, LOG);
    await attempt(`write ${path}`, () => appendFile(path, `${JSON.stringify(record)}\n`));
  }

  /** Whole lines of the log; one that a killed process left half-written is passed over. */
  async readLog(): Promise<LogRecord[]> {
    const text = await readFile(join(this.path, LOG), 'utf8').catch(() => '');
    return text.split('\n').flatMap((line) => {
      try {
        return [JSON.parse(line) as LogRecord];
      } catch {
        return [];
      }
    });
  }

  /** Forget what was logged after `step`: those steps come again. */
  async cutLog(step: number): Promise<void> {
    const lines = (await this.readLog()).filter((record) => record.step <= step);
    const path = join(this.path, LOG);
    await attempt(`write ${path}`, async () => {
      await writeFile(path + PARTIAL, lines.map((record) => `${JSON.stringify(record)}\n`).join(''));
      await rename(path + PARTIAL, path);
    });
  }
}

async function attempt<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    throw new ResourceError(`Cannot ${what}: ${isFull ? 'the disk is full' : message}`, {
      code: isFull ? 'disk-full' : 'unwritable-file',
      hint: isFull ? 'free some space, then continue with --resume' : 'check that you may write there',
      cause,
    });
  }
}
