/** Room on the disk of the cache. */
import { mkdir, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ResourceError } from '../core/errors.ts';
import { formatBytes } from '../core/units.ts';
import { fileError } from '../format/file-source.ts';

/** Throws `ResourceError` where a folder cannot be made, as in a cache that may only be read. */
export async function makeFolders(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(path, { recursive: true }).catch((error: unknown) => {
      throw fileError(error, `Cannot make the folder ${path}`);
    });
  }
}

/** Throws `ResourceError` (`disk-full`) where fewer bytes are free than are needed. */
export async function checkRoom(folder: string, neededBytes: number, what: string): Promise<void> {
  const freeBytes = await freeSpace(folder);
  if (freeBytes === undefined || neededBytes <= freeBytes) return;
  throw new ResourceError(
    `Cannot download ${what}: ${formatBytes(neededBytes)} are missing, and ${folder} has ${formatBytes(freeBytes)} free`,
    {
      code: 'disk-full',
      hint: 'free some space (dots list, dots rm), or set HF_HOME to a folder on another disk',
    },
  );
}

/** Of the closest folder that exists. */
async function freeSpace(folder: string): Promise<number | undefined> {
  const found = await statfs(folder).catch(() => undefined);
  if (found) return found.bavail * found.bsize;
  const parent = dirname(folder);
  return parent === folder ? undefined : await freeSpace(parent);
}
