/** Downloads a model of the hub into the cache: all its files, or a reason why not and everything kept to continue. */
import { ResourceError } from '../core/errors.ts';
import { fileUrl, type HubFile, listRepository, type Repository } from './api.ts';
import { downloadBlob, partialBytes } from './blob.ts';
import { withBlobLock } from './blob-lock.ts';
import { CachedRepository, fileSize, findLocalModels, type LinkKind, localPath } from './cache.ts';
import { checkRoom, makeFolders } from './disk.ts';
import { type Environment, type HubSettings, readHubSettings } from './environment.ts';
import { RemoteFile } from './fetch-range.ts';
import { type ContentCheck, contentCheck } from './hash.ts';
import { HttpClient } from './http.ts';
import { chooseModel, listModels } from './models.ts';
import { formatHubName, type HubName, parseHubName } from './name.ts';
import { TUNING, type Tuning } from './retry.ts';

export interface HubOptions {
  /** Variables such as `HF_TOKEN`, `HF_HOME` and `HTTPS_PROXY`. */
  readonly env: Environment;
  /** Use what is in the cache, and no network. */
  readonly isOffline?: boolean;
  readonly signal?: AbortSignal;
  /** Memory of this machine, for the proposal among several models. */
  readonly memoryBytes?: number | undefined;
  /** Bytes on disk, of all files of the model; `detail` is the file, or what happens to it. */
  readonly onProgress?: (doneBytes: number, totalBytes: number, detail: string) => void;
  /** Lines for the user: why it takes longer. */
  readonly onNotice?: (line: string) => void;
  /** For tests: small ranges, short waits. */
  readonly tuning?: Partial<Tuning>;
  readonly linkKinds?: readonly LinkKind[];
}

export interface PulledFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** How the content was checked when it was downloaded. */
  readonly check: ContentCheck['kind'];
  readonly sha256: string | undefined;
  /** It was in the cache before. */
  readonly wasCached: boolean;
}

export interface PulledModel {
  readonly name: HubName;
  readonly commit: string;
  /** To open the model by. */
  readonly path: string;
  readonly files: readonly PulledFile[];
  readonly sizeBytes: number;
}

/**
 * Download what a name means, as far as it is not in the cache, and let the cache's revision name the commit that the hub's names
 * now. Throws errors of the hub, the network and the disk, each with a hint; a later call continues.
 */
export async function pullModel(given: string, options: HubOptions): Promise<PulledModel> {
  const name = parseHubName(given);
  const settings = await readHubSettings(options.env, options.isOffline);
  if (settings.isOffline) throw offlineError(name, 'is not downloaded while the hub is offline');
  return await withClient(settings, options, async (client, signal) => {
    const repository = await listRepository(client, name, signal);
    const model = chooseModel(name, listModels(repository.files), options.memoryBytes);
    const cached = CachedRepository.of(settings.cacheFolder, name);
    const totalBytes = model.sizeBytes;
    const pulled: PulledFile[] = [];
    const needed: HubFile[] = [];
    let neededBytes = 0;
    for (const file of model.files) {
      const path = cached.blobPath(file.blob);
      if ((await fileSize(path)) === file.sizeBytes || (await isCopied(cached, repository, file))) continue;
      needed.push(file);
      neededBytes += file.sizeBytes - (await partialBytes(path, file.sizeBytes));
    }
    if (needed.length > 0) {
      await makeFolders([cached.blobPath('.'), cached.lockFolder]);
      await checkRoom(settings.cacheFolder, neededBytes, formatHubName(name));
    }
    let doneBytes = 0;
    for (const file of model.files) {
      const isNeeded = needed.includes(file);
      if (isNeeded) {
        await pullFile(client, repository, cached, file, {
          ...options,
          signal,
          onProgress: (bytes, _, detail) => options.onProgress?.(doneBytes + bytes, totalBytes, detail),
        });
      }
      doneBytes += file.sizeBytes;
      const { path, sizeBytes, sha256 } = file;
      pulled.push({ path, sizeBytes, sha256, check: contentCheck(file).kind, wasCached: !isNeeded });
    }
    // All or none: half a set of shards is of no use to anybody.
    for (const file of model.files)
      if (!(await isCopied(cached, repository, file)))
        await cached.linkBlob(repository.commit, file.path, file.blob, options.linkKinds);
    await cached.writeRef(name.revision, repository.commit);
    const place = { repository: cached, commit: repository.commit, models: [] };
    const path = localPath(place, { ...model, files: [] });
    return { name, commit: repository.commit, path, files: pulled, sizeBytes: totalBytes };
  });
}

/** The path of a model on this machine; downloads it where it is not in the cache. What is there is not compared with the hub. */
export async function resolveHubModel(given: string, options: HubOptions): Promise<string> {
  const local = await findPulled(given, options);
  if (local !== undefined) return local;
  const settings = await readHubSettings(options.env, options.isOffline);
  if (settings.isOffline) throw offlineError(parseHubName(given), 'is not in the cache');
  options.onNotice?.(`${given} is not in the cache yet; downloading it to ${settings.cacheFolder}`);
  return (await pullModel(given, options)).path;
}

/** The path of a model that is in the cache. Throws `UsageError` (`several-quants`) where a name without a quant means several. */
export async function findPulled(
  given: string,
  options: Pick<HubOptions, 'env' | 'memoryBytes'>,
): Promise<string | undefined> {
  const name = parseHubName(given);
  const { cacheFolder } = await readHubSettings(options.env);
  const local = await findLocalModels(cacheFolder, name);
  return local && localPath(local, chooseModel(name, local.models, options.memoryBytes));
}

/** Calls `use` with a client whose connections end with it. */
export async function withClient<T>(
  settings: HubSettings,
  { tuning, onNotice, signal = new AbortController().signal }: HubOptions,
  use: (client: HttpClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const client = new HttpClient(settings, { ...TUNING, ...tuning }, onNotice);
  try {
    return await use(client, signal);
  } finally {
    client.close();
  }
}

export function offlineError(name: HubName, what: string): ResourceError {
  return new ResourceError(`${formatHubName(name)} ${what}`, {
    code: 'offline',
    hint: `run "dots pull ${formatHubName(name)}" without --offline and HF_HUB_OFFLINE, or give a path`,
  });
}

/** Where a snapshot holds the file itself in place of a link, as other tools leave it on Windows. */
async function isCopied(cached: CachedRepository, { commit }: Repository, file: HubFile): Promise<boolean> {
  const size = await fileSize(`${cached.snapshotFolder(commit)}/${file.path}`);
  return size === file.sizeBytes;
}

async function pullFile(
  client: HttpClient,
  repository: Repository,
  cached: CachedRepository,
  file: HubFile,
  options: HubOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const path = cached.blobPath(file.blob);
  const { signal, onNotice, onProgress } = options;
  const waiting = {
    lockPath: cached.lockPath(file.blob),
    blobPath: path,
    label: file.path,
    sizeBytes: file.sizeBytes,
  };
  await withBlobLock(waiting, options, async () => {
    // Another process may have downloaded it while this one waited.
    if ((await fileSize(path)) === file.sizeBytes) return;
    const remote = new RemoteFile({
      client,
      name: repository.name,
      path: file.path,
      sizeBytes: file.sizeBytes,
      hubUrl: fileUrl(client, repository, file.path),
    });
    await downloadBlob(remote, path, contentCheck(file), {
      signal,
      ...(onNotice && { onNotice }),
      onProgress: (bytes, isChecking) =>
        onProgress?.(bytes, file.sizeBytes, isChecking ? `checking ${file.path}` : file.path),
    });
  });
}
