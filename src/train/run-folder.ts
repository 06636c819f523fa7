import { appendFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Closable } from '../core/closing.ts';
import { DotsError, ResourceError } from '../core/errors.ts';
import type { SinkFolder } from '../format/byte-sink.ts';
import { createFileFolder } from '../format/file-source.ts';
import { lockFile } from '../format/lock-file.ts';

const PARTIAL = '.partial';
const LOCK = 'lock.json';
const LOG = 'log.jsonl';
const RUN = 'run.json';

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

  /** The folder as it is: nothing is made. */
  static at(path: string): RunFolder {
    return new RunFolder(path);
  }

  /** Makes it if it is not there. */
  static async open(path: string): Promise<RunFolder> {
    const folder = new RunFolder(path);
    await attempt(`make the folder ${folder.checkpointsPath}`, () => makeFolders(folder.checkpointsPath));
    return folder;
  }

  /**
   * Keeps other processes out until it is closed, and removes what a killed one left half-written. Throws `ResourceError`
   * (`run-in-use`) while another process has the folder; nothing in it is touched then.
   */
  async lock(): Promise<Closable> {
    const file = join(this.path, LOCK);
    const lock = await attempt(`write to ${this.path}`, () =>
      lockFile(
        file,
        ({ pid, host, since }) =>
          new ResourceError(
            `Cannot train in ${this.path}: process ${pid} on ${host} has been training there since ${since}`,
            {
              code: 'run-in-use',
              hint: `wait for it or stop it, or give another folder in "out"; if it is gone, delete ${file}`,
            },
          ),
      ),
    );
    try {
      for (const name of await this.names())
        if (name.endsWith(PARTIAL)) await this.remove(join(this.checkpointsPath, name));
    } catch (error) {
      await lock.close();
      throw error;
    }
    return lock;
  }

  /** Paths of complete checkpoints, oldest first. */
  async checkpoints(): Promise<string[]> {
    return (await this.names())
      .filter((name) => /^step-\d+$/.test(name))
      .sort()
      .map((name) => join(this.checkpointsPath, name));
  }

  private names(): Promise<string[]> {
    return attempt(`read ${this.checkpointsPath}`, () => readdir(this.checkpointsPath));
  }

  private remove(path: string): Promise<void> {
    return attempt(`remove ${path}`, () => rm(path, { recursive: true, force: true }));
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
    await this.remove(partial);
    try {
      await write(await createFileFolder(partial), (name) => createFileFolder(join(partial, name)));
      await this.remove(path);
      await attempt(`finish ${path}`, () => rename(partial, path));
    } catch (error) {
      // A folder that cannot be written to cannot be cleaned either; the first error says why.
      await rm(partial, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
    return path;
  }

  async removeCheckpoint(path: string): Promise<void> {
    // Under another name first: half a checkpoint must not look like one.
    await attempt(`remove ${path}`, () => rename(path, path + PARTIAL));
    await this.remove(path + PARTIAL);
  }

  /** The file of the run, as it was when the run began or was resumed; undefined before that. */
  async readRun(): Promise<unknown> {
    const text = await readFile(join(this.path, RUN), 'utf8').catch(() => undefined);
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  async writeRun(run: unknown): Promise<void> {
    const path = join(this.path, RUN);
    await attempt(`write ${path}`, async () => {
      await writeFile(path + PARTIAL, `${JSON.stringify(run, null, 2)}\n`);
      await rename(path + PARTIAL, path);
    });
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

/** As `mkdir` with `recursive`, which never ends where the system says that a parent is missing that is there: in /proc. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path || (await stat(parent).catch(() => undefined))) throw error;
    await makeFolders(parent);
    await mkdir(path);
  }
}

async function attempt<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof DotsError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    throw new ResourceError(`Cannot ${what}: ${isFull ? 'the disk is full' : message}`, {
      code: isFull ? 'disk-full' : 'unwritable-file',
      hint: isFull ? 'free some space, then continue with --resume' : 'check that you may write there',
      cause,
    });
  }
}
