import { existsSync } from 'node:fs';
import { UsageError } from '../core/errors.ts';
import { availableMemory } from '../engine/memory-check.ts';
import { resolvePath, shippedModelPath } from '../engine/model-source.ts';
import { isHubName } from '../hub/name.ts';
import type { HubOptions } from '../hub/pull.ts';
import type { OpenRemote } from '../hub/remote.ts';
import type { CommonFlags } from './options.ts';
import type { Session } from './session.ts';

type Flags = Pick<CommonFlags, 'json' | 'offline'>;

/**
 * What MODEL stands for -> a path. Nothing, or `mini`, is the model that ships with the project; a model of the hub is downloaded
 * where it is not in the cache. Throws `UsageError`.
 */
export async function resolveModel(
  session: Session,
  given: string | undefined,
  flags: Flags,
  signal: AbortSignal = session.signal,
): Promise<string> {
  if (given === undefined || !isHubName(given)) return resolveLocal(given);
  const { resolveHubModel } = await import('../hub/pull.ts');
  return await withProgress(session, flags, signal, (options) => resolveHubModel(given, options));
}

/** As `resolveModel`; but a model of the hub that is not in the cache is opened there. */
export async function findWithoutDownload(
  session: Session,
  given: string | undefined,
  flags: Flags,
): Promise<string | OpenRemote> {
  if (given === undefined || !isHubName(given)) return resolveLocal(given);
  const { findPulled } = await import('../hub/pull.ts');
  const options = await hubOptions(session, flags);
  const local = await findPulled(given, options);
  if (local !== undefined) return local;
  const { openRemoteModel } = await import('../hub/remote.ts');
  return await openRemoteModel(given, options);
}

/** Options of the hub for this command, without a bar. */
export async function hubOptions(
  session: Session,
  flags: Flags,
  signal: AbortSignal = session.signal,
): Promise<HubOptions> {
  return {
    env: session.io.env,
    isOffline: flags.offline ?? false,
    memoryBytes: await availableMemory(),
    signal,
    onNotice: (line) => session.warn(line),
  };
}

/** Does `use` with a bar for what it downloads. */
export async function withProgress<T>(
  session: Session,
  flags: Flags,
  signal: AbortSignal,
  use: (options: HubOptions) => Promise<T>,
): Promise<T> {
  const progress = session.progress('downloading', 'bytes', flags);
  const { TransferRate } = await import('./transfer-rate.ts');
  const rate = new TransferRate();
  try {
    return await use({
      ...(await hubOptions(session, flags, signal)),
      onProgress: (doneBytes, totalBytes, detail) =>
        progress.update(doneBytes, totalBytes, `${rate.update(doneBytes)}${detail}`),
    });
  } finally {
    progress.clear();
  }
}

function resolveLocal(given: string | undefined): string {
  const path = resolvePath(given ?? 'mini');
  if (path !== shippedModelPath() || existsSync(path)) return path;
  throw new UsageError(
    given === undefined
      ? 'No model is given, and this version ships none'
      : 'The model "mini" is not part of this version',
    {
      code: 'no-shipped-model',
      hint: 'give the path of a .gguf file or of a Hugging Face folder; a model called mini has to be written ./mini',
    },
  );
}

/**
 * Throws `UsageError` for a MODEL that does not exist. `option` is what a text is given with: it is often given in place of the
 * model.
 */
export function checkModelPath(given: string | undefined, option: string): void {
  if (given === undefined || isHubName(given) || existsSync(resolveLocal(given))) return;
  throw new UsageError(`Cannot open ${given}: there is no such file or folder`, {
    code: 'file-not-found',
    hint: `the first word is MODEL: check the spelling, or use mini with ${option} ${JSON.stringify(given)}`,
  });
}
