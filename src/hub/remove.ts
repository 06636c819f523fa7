/** Deletes models from the hub's cache: what a name means, and blobs that no snapshot refers to. */
import { lstat, readdir, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { fileError } from '../format/file-source.ts';
import { recordPath } from './blob.ts';
import { checkNotDownloading } from './blob-lock.ts';
import { CachedRepository, filesBelow, isThere } from './cache.ts';
import { blobOfLink, blobSizes, isPartial, listCachedModels } from './cache-models.ts';
import { cacheFolderOf, type Environment } from './environment.ts';
import { callName, listModels, matchModels } from './models.ts';
import {
  DEFAULT_REVISION,
  formatHubName,
  type HubName,
  isCommit,
  parseHubName,
  repositoryId,
} from './name.ts';
import { closest } from './spelling.ts';

export interface Removed {
  /** Paths below the repository's folder in the cache. */
  readonly files: readonly string[];
  /** Bytes that are free now. */
  readonly freedBytes: number;
}

/**
 * Delete what a name means: one model with its quant, else all of the repository; in the revision that is named, else in all.
 * Throws `UsageError` for what is not there, `ResourceError` while a process downloads it.
 */
export async function removeModel(given: string, env: Environment): Promise<Removed> {
  const name = parseHubName(given);
  const cacheFolder = cacheFolderOf(env);
  const repository = CachedRepository.of(cacheFolder, name);
  if (!(await isThere(repository.folder))) throw await notThere(cacheFolder, name);
  const blobs = await blobSizes(repository);
  for (const blob of blobs.keys()) {
    const id = blob.replace(/\.(?:dots-partial.*|incomplete)$/, '');
    await checkNotDownloading({
      lockPath: repository.lockPath(id),
      blobPath: repository.blobPath(id),
      label: formatHubName(name),
      sizeBytes: 0,
    }).catch((error: unknown) => {
      // A cache that may only be read has no locks, and the deletion itself says so.
      if ((error as { code?: unknown }).code === 'download-running') throw error;
    });
  }
  const isWhole = name.quant === undefined && !given.includes('@');
  try {
    return isWhole ? await removeAll(repository, blobs) : await removePart(repository, name, given, blobs);
  } catch (error) {
    throw fileError(error, `Cannot delete ${formatHubName(name)}`);
  }
}

async function removeAll(repository: CachedRepository, blobs: ReadonlyMap<string, number>): Promise<Removed> {
  const { folder, lockFolder } = repository;
  const files = await filesBelow(folder);
  let freedBytes = [...blobs.values()].reduce((sum, size) => sum + size, 0);
  for (const path of files) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile() && found.nlink === 1 && !path.startsWith(join(folder, 'blobs')))
      freedBytes += found.size;
  }
  // A link in place of the folder is removed itself; what it leads to stays.
  await rm(folder, { recursive: true });
  await rm(lockFolder, { recursive: true, force: true });
  return { files: files.map((path) => path.slice(folder.length + 1)), freedBytes };
}

async function removePart(
  repository: CachedRepository,
  name: HubName,
  given: string,
  blobs: ReadonlyMap<string, number>,
): Promise<Removed> {
  const snapshots = join(repository.folder, 'snapshots');
  const hasRevision = given.includes('@');
  const only = hasRevision ? await repository.commitOf(name.revision) : undefined;
  if (hasRevision && only === undefined) throw notInCache(name, []);
  const commits = (await readdir(snapshots).catch(() => [])).filter((commit) => !only || commit === only);
  const chosen: string[] = [];
  const labels = new Set<string>();
  for (const commit of commits) {
    const models = listModels(await repository.snapshotFiles(commit));
    for (const model of models) labels.add(callName(model, models));
    if (name.quant === undefined) chosen.push(...(await filesBelow(join(snapshots, commit))));
    else
      for (const model of matchModels(models, name.quant))
        chosen.push(...model.files.map(({ fullPath }) => fullPath));
  }
  if (chosen.length === 0) throw notInCache(name, [...labels]);

  const candidates = new Set<string>();
  let freedBytes = 0;
  for (const path of chosen) {
    const blob = await blobOfLink(repository, path);
    if (blob !== undefined) candidates.add(blob);
    else freedBytes += (await lstat(path)).size;
    await unlink(path);
    await removeEmptyFolders(dirname(path), snapshots);
  }
  // A blob that another revision shows stays.
  for (const path of await filesBelow(snapshots)) {
    const blob = await blobOfLink(repository, path);
    if (blob !== undefined) candidates.delete(blob);
  }
  for (const blob of candidates) {
    freedBytes += blobs.get(blob) ?? 0;
    await rm(repository.blobPath(blob), { force: true });
  }
  // Nobody downloads here, as was checked: what is not finished belongs to what is deleted, or to nothing that can be named.
  for (const [blob, size] of blobs) {
    if (!isPartial(blob) || name.quant !== undefined) continue;
    freedBytes += size;
    await rm(repository.blobPath(blob), { force: true });
    await rm(recordPath(repository.blobPath(blob.replace(/\.dots-partial$/, ''))), { force: true });
  }
  await removeStaleRefs(repository, snapshots);
  return { files: chosen.map((path) => path.slice(repository.folder.length + 1)), freedBytes };
}

/** Up to, and without, `top`. */
async function removeEmptyFolders(folder: string, top: string): Promise<void> {
  for (let at = folder; at.startsWith(top) && at !== top; at = dirname(at)) {
    const isRemoved = await rmdir(at).then(
      () => true,
      () => false,
    );
    if (!isRemoved) return;
  }
}

async function removeStaleRefs(repository: CachedRepository, snapshots: string): Promise<void> {
  const refs = join(repository.folder, 'refs');
  for (const path of await filesBelow(refs)) {
    const commit = await repository.commitOf(path.slice(refs.length + 1).replaceAll('\\', '/'));
    if (commit !== undefined && isCommit(commit) && !(await isThere(join(snapshots, commit))))
      await unlink(path);
  }
}

function notInCache(name: HubName, labels: readonly string[]): UsageError {
  const revision = name.revision === DEFAULT_REVISION ? '' : ` of revision ${name.revision}`;
  return new UsageError(`${formatHubName(name)} is not in the cache`, {
    code: 'not-in-cache',
    hint: labels.length > 0 ? `there is ${labels.join(', ')}${revision}` : 'dots list shows what is there',
  });
}

async function notThere(cacheFolder: string, name: HubName): Promise<UsageError> {
  const ids = (await listCachedModels(cacheFolder)).map(({ id }) => id);
  const [meant] = closest(repositoryId(name), ids);
  return new UsageError(`${formatHubName(name, undefined)} is not in the cache`, {
    code: 'not-in-cache',
    hint:
      meant === undefined
        ? ids.length === 0
          ? `there is no model in ${cacheFolder}`
          : `dots list shows the ${formatCount(ids.length)} models that are there`
        : `did you mean hf:${meant}?`,
  });
}
