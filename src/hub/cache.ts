/**
 * The hub's cache on disk, as its own tools lay it out: `models--OWNER--REPO/` with `blobs/` named by content, `snapshots/COMMIT/`
 * with links to them, and `refs/` that say which commit a branch names. Files of other tools are found, and they find ours.
 */
import type { Dirent } from 'node:fs';
import {
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { fileError } from '../format/file-source.ts';
import { type ListedFile, type ListedModel, listModels, matchModels } from './models.ts';
import { type HubName, isCommit } from './name.ts';

/** How snapshots refer to blobs. Windows allows symbolic links to some users only; a hard link is next best, a copy the last. */
export const LINK_KINDS = ['symbolic', 'hard', 'copy'] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

export interface LocalFile extends ListedFile {
  /** Where it is on disk. */
  readonly fullPath: string;
}

/** One repository in the cache, whether it is there or not. */
export class CachedRepository {
  readonly folder: string;
  /** Locks are next to the repositories, so that deleting one leaves them alone. */
  readonly lockFolder: string;

  constructor(cacheFolder: string, folderName: string) {
    this.folder = join(cacheFolder, folderName);
    this.lockFolder = join(cacheFolder, '.locks', folderName);
  }

  static of(cacheFolder: string, { owner, repository }: HubName): CachedRepository {
    return new CachedRepository(cacheFolder, `models--${owner}--${repository}`);
  }

  blobPath(blob: string): string {
    return join(this.folder, 'blobs', blob);
  }

  lockPath(blob: string): string {
    return join(this.lockFolder, `${blob}.dots-lock`);
  }

  snapshotFolder(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** The commit that a revision named when it was last downloaded. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(join(this.folder, 'refs', ...revision.split('/')), 'utf8').catch(() => '');
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  /** Throws `ResourceError` where the cache may not be written. */
  async writeRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.commitOf(revision)) === commit) return;
    const path = join(this.folder, 'refs', ...revision.split('/'));
    try {
      await mkdir(dirname(path), { recursive: true });
      const draft = `${path}.${process.pid}.new`;
      await writeFile(draft, commit);
      await rename(draft, path);
    } catch (error) {
      throw fileError(error, `Cannot write ${path}`);
    }
  }

  /** Files of a snapshot, with the sizes of what their links lead to; links that lead nowhere are left out. */
  async snapshotFiles(commit: string): Promise<LocalFile[]> {
    const folder = this.snapshotFolder(commit);
    const files: LocalFile[] = [];
    for (const fullPath of await filesBelow(folder)) {
      const sizeBytes = await fileSize(fullPath);
      const path = fullPath
        .slice(folder.length + 1)
        .split(sep)
        .join('/');
      if (sizeBytes !== undefined) files.push({ path, sizeBytes, fullPath });
    }
    return files;
  }

  /** Let a snapshot show a blob. What is at that path is replaced, unless it shows this blob already. */
  async linkBlob(
    commit: string,
    path: string,
    blob: string,
    kinds: readonly LinkKind[] = LINK_KINDS,
  ): Promise<void> {
    const target = join(this.snapshotFolder(commit), ...path.split('/'));
    const source = this.blobPath(blob);
    try {
      await mkdir(dirname(target), { recursive: true });
      const [shown, own] = await Promise.all(
        [target, source].map((file) => stat(file).catch(() => undefined)),
      );
      if (shown && own && shown.dev === own.dev && shown.ino === own.ino && shown.ino !== 0) return;
      const draft = `${target}.${process.pid}.new`;
      await rm(draft, { force: true });
      await makeLink(source, draft, kinds);
      await rename(draft, target);
    } catch (error) {
      throw fileError(error, `Cannot write ${target}`);
    }
  }
}

async function makeLink(source: string, path: string, kinds: readonly LinkKind[]): Promise<void> {
  for (const [i, kind] of kinds.entries()) {
    try {
      if (kind === 'symbolic') await symlink(relative(dirname(path), source), path);
      else if (kind === 'hard') await link(source, path);
      else await copyFile(source, path);
      return;
    } catch (error) {
      if (i === kinds.length - 1) throw error;
    }
  }
}

/** What a name means in the cache. */
export interface LocalModels {
  readonly repository: CachedRepository;
  readonly commit: string;
  /** Complete models that the name may mean. */
  readonly models: readonly ListedModel<LocalFile>[];
}

/** The models in the cache that a name may mean; nothing where there are none. Reads the disk only. */
export async function findLocalModels(cacheFolder: string, name: HubName): Promise<LocalModels | undefined> {
  const repository = CachedRepository.of(cacheFolder, name);
  const commit = await repository.commitOf(name.revision);
  if (commit === undefined) return undefined;
  const listed = listModels(await repository.snapshotFiles(commit));
  const models: ListedModel<LocalFile>[] = [];
  for (const model of matchModels(listed, name.quant)) if (await isComplete(model)) models.push(model);
  return models.length > 0 ? { repository, commit, models } : undefined;
}

/** The path to open a model by: that of its file or first shard, or of its folder. */
export function localPath({ repository, commit }: LocalModels, { entry }: ListedModel<LocalFile>): string {
  return join(repository.snapshotFolder(commit), ...entry.split('/').filter((part) => part !== ''));
}

/** Other tools link files one by one, so that a set may be there in part. */
async function isComplete({ format, missing, files }: ListedModel<LocalFile>): Promise<boolean> {
  if (missing.length > 0) return false;
  if (format === 'gguf') return files.every(({ sizeBytes }) => sizeBytes > 0);
  const index = files.find(({ path }) => path === 'model.safetensors.index.json');
  if (!index) return true;
  try {
    const { weight_map } = JSON.parse(await readFile(index.fullPath, 'utf8')) as {
      readonly weight_map?: object;
    };
    const present = new Set(files.map(({ path }) => path));
    return Object.values(weight_map ?? {}).every((file) => present.has(file as string));
  } catch {
    return false;
  }
}

/** Whether something is at a path, a link that leads nowhere included. */
export async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/** Size of a regular file, through links; undefined where there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}

/** `models--OWNER--REPO` -> `OWNER/REPO`; undefined for other folders. */
export function repositoryOfFolder(folder: string): string | undefined {
  const [, owner, repository] = /^models--(?:([\w.-]+?)--)?([\w.-]+)$/.exec(basename(folder)) ?? [];
  return repository === undefined ? undefined : owner === undefined ? repository : `${owner}/${repository}`;
}

/** Everything below a folder that is not a folder itself; links are not followed. */
export async function filesBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await entries(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) paths.push(...(await filesBelow(path)));
    else paths.push(path);
  }
  return paths;
}

/** What is in a folder; nothing where it cannot be read. */
export async function entries(folder: string): Promise<Dirent[]> {
  return await readdir(folder, { withFileTypes: true }).catch(() => []);
}
