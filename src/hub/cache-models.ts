/** What the hub's cache holds, as far as it is readable; for `dots list` and `dots rm`. */
import { constants } from 'node:fs';
import { access, lstat, readFile, readlink } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { partialPath } from './blob.ts';
import { CachedRepository, entries, filesBelow, type LocalFile, repositoryOfFolder } from './cache.ts';
import { type ListedModel, listModels } from './models.ts';
import { isCommit } from './name.ts';

export interface CachedModel {
  /** `OWNER/REPO` */
  readonly id: string;
  readonly revisions: readonly CachedRevision[];
  /** Bytes on disk: blobs, and files that snapshots hold themselves. */
  readonly sizeBytes: number;
  /** Downloads that are not finished. */
  readonly partial: readonly { readonly blob: string; readonly sizeBytes: number }[];
  /** What is broken, in words. */
  readonly problems: readonly string[];
}

export interface CachedRevision {
  readonly commit: string;
  /** Branches and tags that name it. */
  readonly refs: readonly string[];
  readonly models: readonly ListedModel<LocalFile>[];
  readonly numFiles: number;
}

/** All models of the cache by name; none where there is no cache. Throws nothing: what cannot be read is a problem of its model. */
export async function listCachedModels(cacheFolder: string): Promise<CachedModel[]> {
  const models: CachedModel[] = [];
  for (const { name } of await entries(cacheFolder)) {
    const id = repositoryOfFolder(name);
    if (id !== undefined) models.push(await readRepository(id, new CachedRepository(cacheFolder, name)));
  }
  return models.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function readRepository(id: string, repository: CachedRepository): Promise<CachedModel> {
  const problems: string[] = [];
  const isReadable = await access(repository.folder, constants.R_OK).then(
    () => true,
    () => false,
  );
  if (!isReadable) problems.push('its folder cannot be read');
  const refs = await readRefs(join(repository.folder, 'refs'));
  const revisions: CachedRevision[] = [];
  for (const { name: commit } of await entries(join(repository.folder, 'snapshots'))) {
    const folder = repository.snapshotFolder(commit);
    const files = await repository.snapshotFiles(commit);
    const dangling = await danglingLinks(folder);
    if (dangling.length > 0)
      problems.push(`${dangling.length} links lead nowhere, such as ${dangling[0]} of ${commit.slice(0, 8)}`);
    revisions.push({
      commit,
      refs: [...refs].filter(([, named]) => named === commit).map(([ref]) => ref),
      models: listModels(files),
      numFiles: files.length,
    });
  }
  for (const [ref, commit] of refs)
    if (!revisions.some((revision) => revision.commit === commit))
      problems.push(`"${ref}" names a commit that is not there`);
  const blobs = await blobSizes(repository);
  const partial = [...blobs]
    .filter(([name]) => isPartial(name))
    .map(([blob, sizeBytes]) => ({ blob, sizeBytes }));
  const own = await ownBytes(join(repository.folder, 'snapshots'));
  const sizeBytes = own + [...blobs.values()].reduce((sum, size) => sum + size, 0);
  return { id, revisions, sizeBytes, partial, problems };
}

/** Our own name for one, and that of the hub's tools. */
export function isPartial(blobName: string): boolean {
  return blobName.endsWith(partialPath('')) || blobName.endsWith('.incomplete');
}

/** Bytes on disk of everything in `blobs/`; a partial file takes those that are written. */
export async function blobSizes(repository: CachedRepository): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const { name } of await entries(repository.blobPath('.'))) {
    const found = await lstat(repository.blobPath(name)).catch(() => undefined);
    if (!found?.isFile()) continue;
    sizes.set(name, isPartial(name) ? Math.min(found.size, found.blocks * 512 || found.size) : found.size);
  }
  return sizes;
}

/** The blob that a file of a snapshot shows; undefined for a file of its own, and for a link out of the repository. */
export async function blobOfLink(repository: CachedRepository, path: string): Promise<string | undefined> {
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined) return undefined;
  const full = resolve(path, '..', target);
  const folder = resolve(repository.folder, 'blobs') + sep;
  return full.startsWith(folder) && !full.slice(folder.length).includes(sep)
    ? full.slice(folder.length)
    : undefined;
}

async function danglingLinks(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of await filesBelow(folder)) {
    const isDangling = await access(path).then(
      () => false,
      () => true,
    );
    if (isDangling) found.push(path.slice(folder.length + 1));
  }
  return found;
}

/** Of files that snapshots hold themselves; hard links to blobs count there. */
async function ownBytes(folder: string): Promise<number> {
  let sum = 0;
  for (const path of await filesBelow(folder)) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile() && found.nlink === 1) sum += found.size;
  }
  return sum;
}

async function readRefs(folder: string): Promise<Map<string, string>> {
  const refs = new Map<string, string>();
  for (const path of await filesBelow(folder)) {
    const commit = (await readFile(path, 'utf8').catch(() => '')).trim();
    if (isCommit(commit))
      refs.set(
        path
          .slice(folder.length + 1)
          .split(sep)
          .join('/'),
        commit,
      );
  }
  return refs;
}
