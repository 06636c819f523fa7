/**
 * Files on this machine. The only file of `format/` that knows Node; it loads `node:fs` when the first file is opened,
 * so that modules which merely default to it still load in a browser.
 */
import type { FileHandle } from 'node:fs/promises';
import { DotsError, ResourceError, UsageError } from '../core/errors.ts';
import { formatBytes } from '../core/units.ts';
import type { ByteSink, SinkFolder } from './byte-sink.ts';
import type { ByteSource, SourceFolder } from './byte-source.ts';
import { checkRead, closedError, truncatedError } from './read-checks.ts';

// One read or write of the operating system moves less than 2 GiB.
const LARGEST_TRANSFER = 1 << 30;

const fs = () => import('node:fs/promises');

/** Open a file for random reads. Throws `UsageError` if there is no such file or it is a folder. */
export async function openFileSource(path: string): Promise<ByteSource> {
  let file: FileHandle | undefined;
  try {
    file = await (await fs()).open(path, 'r');
    const stats = await file.stat();
    if (!stats.isFile()) throw notAFile(path, stats.isDirectory());
    return fileSource(file, path, stats.size);
  } catch (error) {
    await file?.close();
    throw fileError(error, `Cannot open ${path}`);
  }
}

function fileSource(file: FileHandle, path: string, size: number): ByteSource {
  let closed: Promise<void> | undefined;
  return {
    name: path,
    path,
    size,
    async read(offset, length) {
      if (closed) throw closedError(path);
      checkRead(path, size, offset, length);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const step = Math.min(length - done, LARGEST_TRANSFER);
        const { bytesRead } = await file.read(bytes, done, step, offset + done);
        // The file was cut after it was opened.
        if (bytesRead === 0) throw truncatedError(path, offset + done, offset, length);
        done += bytesRead;
      }
      return bytes;
    },
    close() {
      closed ??= file.close();
      return closed;
    },
  };
}

/**
 * Start a file next to `path` (`path.partial`); `finish` renames it. Throws `ResourceError` if the disk is too full. With a
 * `identity`, which says all that its bytes follow from, a file that was not finished stays, and the next sink of the same
 * identity continues it.
 */
export async function createFileSink(path: string, sizeBytes: number, identity?: string): Promise<ByteSink> {
  const { open, readFile, rename, rm, stat, statfs, writeFile } = await fs();
  const partial = `${path}.partial`;
  const journal = `${partial}.json`;
  let file: FileHandle;
  let leftBytes = 0;
  try {
    const existing = await stat(path).catch(() => undefined);
    if (existing?.isDirectory()) throw notAFile(path, true);
    if (identity !== undefined && (await readFile(journal, 'utf8').catch(() => undefined)) === identity)
      leftBytes = (await stat(partial).catch(() => undefined))?.size ?? 0;
    file = await open(partial, leftBytes > 0 ? 'r+' : 'w');
    if (identity !== undefined) await writeFile(journal, identity);
  } catch (error) {
    throw fileError(error, `Cannot write ${path}`);
  }
  let state: 'open' | 'finished' | 'discarded' = 'open';
  const discard = async () => {
    if (state !== 'open') return;
    state = 'discarded';
    // Closing fails after a failed `finish`, which has closed the file; the half-written one has to go all the same.
    await file.close().catch(() => undefined);
    if (identity === undefined) await rm(partial, { force: true });
  };
  const room = await statfs(partial).catch(() => undefined);
  if (room && room.bavail * room.bsize < sizeBytes - leftBytes) {
    await discard();
    // Nothing is in it that somebody could continue.
    if (leftBytes === 0) for (const name of [partial, journal]) await rm(name, { force: true });
    throw diskFull(path, `${formatBytes(sizeBytes)} needed, ${formatBytes(room.bavail * room.bsize)} free`);
  }
  let at = 0;
  return {
    name: path,
    async resume(header, borders) {
      if (leftBytes < header.length) return 0;
      const start = new Uint8Array(header.length);
      const { bytesRead } = await file.read(start, 0, header.length, 0);
      const isSame = bytesRead === header.length && start.every((byte, i) => byte === header[i]);
      at = isSame ? Math.max(...borders.filter((border) => border <= leftBytes)) : 0;
      await file.truncate(at);
      return at;
    },
    async write(bytes) {
      if (state !== 'open')
        throw new ResourceError(`Cannot write ${path}: it is closed`, { code: 'sink-closed' });
      try {
        for (let done = 0; done < bytes.length; ) {
          const step = Math.min(bytes.length - done, LARGEST_TRANSFER);
          done += (await file.write(bytes, done, step, at + done)).bytesWritten;
        }
        at += bytes.length;
      } catch (error) {
        throw fileError(error, `Cannot write ${path}`);
      }
    },
    async finish() {
      if (state !== 'open')
        throw new ResourceError(`Cannot finish ${path}: it is closed`, { code: 'sink-closed' });
      try {
        // Data before name: after a power cut the new name must not point at a file without its bytes.
        await file.datasync();
        await file.close();
        await rename(partial, path);
        if (identity !== undefined) await rm(journal, { force: true });
        state = 'finished';
      } catch (error) {
        throw fileError(error, `Cannot finish ${path}`);
      }
    },
    discard,
  };
}

/** Whether `path` is a directory. Throws `UsageError` if there is nothing at all. */
export async function isFolder(path: string): Promise<boolean> {
  const stats = await (await fs()).stat(path).catch((error: unknown) => {
    throw fileError(error, `Cannot open ${path}`);
  });
  return stats.isDirectory();
}

/** The names of the files in a directory. */
export async function listFolder(path: string): Promise<readonly string[]> {
  return await (await fs()).readdir(path).catch((error: unknown) => {
    throw fileError(error, `Cannot read the folder ${path}`);
  });
}

/** A directory to read from. Throws `UsageError` if there is no such directory. */
export async function openFileFolder(path: string): Promise<SourceFolder> {
  const stats = await (await fs()).stat(path).catch((error: unknown) => {
    throw fileError(error, `Cannot open ${path}`);
  });
  if (!stats.isDirectory()) {
    throw new UsageError(`Cannot open ${path} as a model folder: it is a file`, {
      code: 'not-a-folder',
      hint: 'give the folder that holds config.json',
    });
  }
  return {
    name: path,
    async open(fileName) {
      const filePath = joinPath(path, fileName);
      const present = await (await fs()).stat(filePath).catch((error: unknown) => {
        if (errorCode(error) === 'ENOENT') return undefined;
        throw fileError(error, `Cannot open ${filePath}`);
      });
      return present && (await openFileSource(filePath));
    },
  };
}

/** A directory to write to, made if it is not there (its parent has to be). */
export async function createFileFolder(path: string): Promise<SinkFolder> {
  const { mkdir } = await fs();
  await mkdir(path).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw fileError(error, `Cannot make the folder ${path}`);
  });
  return { name: path, create: (fileName, sizeBytes) => createFileSink(joinPath(path, fileName), sizeBytes) };
}

export function joinPath(folder: string, fileName: string): string {
  return /[\\/]$/.test(folder) ? folder + fileName : `${folder}/${fileName}`;
}

function errorCode(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

function notAFile(path: string, isFolder: boolean): UsageError {
  return new UsageError(`Cannot open ${path}: it is ${isFolder ? 'a folder' : 'not a regular file'}`, {
    code: 'not-a-file',
    hint: 'give the path of a file',
  });
}

function diskFull(path: string, found: string, cause?: unknown): ResourceError {
  return new ResourceError(`Cannot write ${path}: the disk is full (${found})`, {
    code: 'disk-full',
    hint: 'free some space or write to another disk, and run it again',
    cause,
  });
}

/** The operating system's error as one of ours; errors that are ours already pass unchanged. */
export function fileError(error: unknown, attempted: string): DotsError {
  if (error instanceof DotsError) return error;
  const code = errorCode(error);
  const details = { cause: error };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new UsageError(`${attempted}: there is no such file or folder`, {
        code: 'file-not-found',
        hint: 'check the spelling; a relative path starts at the current folder',
        ...details,
      });
    case 'EEXIST':
      return new UsageError(`${attempted}: there is a file of that name`, {
        code: 'output-exists',
        hint: 'give another name, or delete it',
        ...details,
      });
    case 'EISDIR':
      return new UsageError(`${attempted}: it is a folder`, {
        code: 'not-a-file',
        hint: 'give the path of a file',
        ...details,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new ResourceError(`${attempted}: permission denied`, {
        code: 'permission-denied',
        hint: 'check the permissions of the file and of its folder',
        ...details,
      });
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(attempted.replace(/^Cannot \w+ /, ''), 'the system refused more bytes', error);
    case 'EMFILE':
    case 'ENFILE':
      return new ResourceError(`${attempted}: too many open files`, {
        code: 'too-many-open-files',
        hint: 'close other models, or raise the limit (ulimit -n)',
        ...details,
      });
    default: {
      const message = error instanceof Error ? error.message : String(error);
      return new ResourceError(`${attempted}: ${message}`, {
        code: 'io-error',
        hint: 'check the disk and its connection',
        ...details,
      });
    }
  }
}
