// One process at a time may write to a folder or file. The lock is a file that names its holder; it outlives a holder that was
// killed, so whoever finds one checks whether the holder still runs.

import { execFile } from 'node:child_process';
import { constants, copyFile, link, lstat, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import type { Closable } from '../core/closing.ts';
import { ResourceError } from '../core/errors.ts';

/** A holder on another machine (or in another container) can only be seen by the time of its file. */
const REFRESH_MS = 10_000;
const LOST_AFTER_MS = 120_000;

export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, as its system counts: process ids come again. */
  readonly processStart: string;
  readonly since: string;
}

/** Makes the file `path`, which is gone when the lock is closed. Throws what `inUse` gives while another process has it. */
export async function lockFile(path: string, inUse: (holder: Holder) => Error): Promise<Closable> {
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    processStart: await processStart(process.pid),
    since: new Date().toISOString(),
  };
  const text = `${JSON.stringify(own)}\n`;
  const draft = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  await writeFile(draft, text);
  try {
    while (!(await linked(draft, path))) {
      const found = await readFile(path, 'utf8').catch(() => undefined);
      if (found === undefined) {
        await checkIsFile(path);
        continue;
      }
      if (await isHeld(found, path, draft)) throw inUse(parseHolder(found) as Holder);
      await takeAway(path, found, draft);
    }
  } finally {
    await rm(draft, { force: true });
  }
  const timer = setInterval(() => {
    const now = new Date();
    // It may have been deleted by hand; the file system may be gone. Neither is a reason to stop training.
    utimes(path, now, now).catch(() => undefined);
  }, REFRESH_MS);
  timer.unref();
  return {
    close: async () => {
      clearInterval(timer);
      if ((await readFile(path, 'utf8').catch(() => undefined)) === text) await rm(path, { force: true });
    },
  };
}

/** A folder, or a link that leads nowhere, would be waited for without end. Nothing at all is fine: it was released just now. */
async function checkIsFile(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found || found.isFile()) return;
  throw new ResourceError(`Cannot make the lock ${path}: something that is not a file is in its place`, {
    code: 'io-error',
    hint: 'remove it',
  });
}

/** A link appears with its content or not at all, and never replaces a file. Some file systems have only copies. */
async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      return copyFile(draft, path, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isHeld(text: string, path: string, draft: string): Promise<boolean> {
  const holder = parseHolder(text);
  if (holder === undefined) return false;
  if (holder.host === hostname())
    return isRunning(holder.pid) && (await processStart(holder.pid)) === holder.processStart;
  // Both times are of the same file system, whose clock may differ from ours.
  const [lock, now] = await Promise.all([path, draft].map((file) => stat(file).catch(() => undefined)));
  return lock !== undefined && now !== undefined && now.mtimeMs - lock.mtimeMs < LOST_AFTER_MS;
}

/** Remove a stale lock. Only one process may at a time: between reading and removing it, another could have replaced it. */
async function takeAway(path: string, stale: string, draft: string): Promise<void> {
  const mutex = `${path}.takeover`;
  if (!(await linked(draft, mutex))) {
    const [found, now] = await Promise.all([mutex, draft].map((file) => stat(file).catch(() => undefined)));
    // It is there for a moment only, unless its process was killed in that moment.
    if (found && now && now.mtimeMs - found.mtimeMs > LOST_AFTER_MS) await rm(mutex, { force: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
    return;
  }
  try {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === stale) await rm(path, { force: true });
  } finally {
    await rm(mutex, { force: true });
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return Number.isSafeInteger(holder.pid) && typeof holder.host === 'string' ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, but somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Empty where the system does not report it; then an equal id counts as the same process. */
async function processStart(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // Field 22; the second one, the name, may hold spaces and brackets.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.trim();
}
