/** Reads files on the hub by ranges, without downloading them: what `dots info` needs of a model is in its headers. */
import { UnsupportedError, UsageError } from '../core/errors.ts';
import type { ByteSource, SourceFolder, SourceOpener } from '../format/byte-source.ts';
import { checkRead } from '../format/read-checks.ts';
import type { RemoteModel } from '../format/stored-model.ts';
import { fileUrl, listRepository, type Repository } from './api.ts';
import { readHubSettings } from './environment.ts';
import { fetchRange, NoRanges, RemoteFile } from './fetch-range.ts';
import { HttpClient } from './http.ts';
import { chooseModel, listModels } from './models.ts';
import { parseHubName, repositoryId } from './name.ts';
import { type HubOptions, offlineError } from './pull.ts';
import { TUNING, withAttempts } from './retry.ts';

/** A model on the hub, opened for reading its headers. `close` ends the connections; nothing can be read then. */
export interface OpenRemote {
  readonly model: RemoteModel;
  readonly sizeBytes: number;
  close(): void;
}

/** Throws as `pullModel` does. No file is written. */
export async function openRemoteModel(given: string, options: HubOptions): Promise<OpenRemote> {
  const name = parseHubName(given);
  const settings = await readHubSettings(options.env, options.isOffline);
  if (settings.isOffline) throw offlineError(name, 'is not in the cache');
  const client = new HttpClient(settings, { ...TUNING, ...options.tuning }, options.onNotice);
  const signal = options.signal ?? new AbortController().signal;
  try {
    const repository = await listRepository(client, name, signal);
    const { format, entry, sizeBytes } = chooseModel(name, listModels(repository.files), options.memoryBytes);
    const prefix = `hf:${repositoryId(name)}`;
    const open = opener(client, repository, prefix, signal);
    const folder: SourceFolder = {
      name: prefix,
      open: async (fileName) =>
        repository.files.some(({ path }) => path === fileName)
          ? await open(`${prefix}/${fileName}`)
          : undefined,
    };
    const model = format === 'hf' ? { folder } : { path: `${prefix}/${entry}`, open };
    return { model, sizeBytes, close: () => client.close() };
  } catch (error) {
    client.close();
    throw error;
  }
}

function opener(
  client: HttpClient,
  repository: Repository,
  prefix: string,
  signal: AbortSignal,
): SourceOpener {
  return async (name) => {
    const file = repository.files.find(({ path }) => `${prefix}/${path}` === name);
    if (!file) {
      throw new UsageError(`Cannot open ${name}: the repository has no such file`, {
        code: 'file-not-found',
        hint: 'check the spelling',
      });
    }
    const { path, sizeBytes } = file;
    const hubUrl = fileUrl(client, repository, path);
    return rangeSource(
      new RemoteFile({ client, name: repository.name, path, sizeBytes, hubUrl }),
      name,
      signal,
    );
  };
}

function rangeSource(file: RemoteFile, name: string, signal: AbortSignal): ByteSource {
  const { sizeBytes } = file;
  return {
    name,
    size: sizeBytes,
    async read(offset, length) {
      checkRead(name, sizeBytes, offset, length);
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        await withAttempts(`read ${name}`, file.client, signal, async () => {
          for await (const chunk of fetchRange(file, offset + done, offset + length, signal)) {
            bytes.set(chunk, done);
            done += chunk.length;
          }
        }).catch((error: unknown) => {
          throw error instanceof NoRanges ? noRanges(name, error) : error;
        });
      }
      return bytes;
    },
    async close() {},
  };
}

function noRanges(name: string, cause: NoRanges): UnsupportedError {
  return new UnsupportedError(`Cannot read the header of ${name}: ${cause.message}`, {
    code: 'no-ranges',
    hint: 'download it with dots pull first',
    cause,
  });
}
