import { resolve } from 'node:path';
import { DotsError, ResourceError } from '../core/errors.ts';
import { lockFile } from '../format/lock-file.ts';

/**
 * Does `write` while no other process writes to `path`, a file or a folder: both would write into one half-written file, or mix
 * two models in one folder. Throws `ResourceError` (`output-in-use`) while one does; nothing is touched then. Without a path nothing
 * is locked.
 */
export async function lockOutput<T>(path: string | undefined, write: () => Promise<T>): Promise<T> {
  if (path === undefined) return await write();
  const file = `${resolve(path)}.lock`;
  const lock = await lockFile(
    file,
    ({ pid, host, since }) =>
      new ResourceError(
        `Cannot write ${path}: process ${pid} on ${host} has been writing it since ${since}`,
        {
          code: 'output-in-use',
          hint: `wait for it or stop it, or give another name; if it is gone, delete ${file}`,
        },
      ),
  ).catch((error: unknown) => {
    if (error instanceof DotsError) throw error;
    // No file can be made there: `write` says why.
    return undefined;
  });
  try {
    return await write();
  } finally {
    await lock?.close();
  }
}
