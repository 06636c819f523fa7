/** One process at a time downloads a blob; others wait and show how far it is. */
import { ResourceError } from '../core/errors.ts';
import { fileError } from '../format/file-source.ts';
import { type Holder, lockFile } from '../format/lock-file.ts';
import { partialBytes } from './blob.ts';
import { sleep } from './retry.ts';

export interface LockedBlob {
  readonly lockPath: string;
  readonly blobPath: string;
  /** What messages call it. */
  readonly label: string;
  readonly sizeBytes: number;
}

const LOOK_MS = 500;

/** Internal: somebody else has the lock. */
class Held extends Error {
  readonly holder: Holder;

  constructor(holder: Holder) {
    super('held');
    this.holder = holder;
  }
}

/** Calls `use` with the lock, once other processes have released it. */
export async function withBlobLock<T>(
  blob: LockedBlob,
  options: {
    readonly signal: AbortSignal;
    readonly onProgress?: (doneBytes: number, totalBytes: number, detail: string) => void;
    readonly onNotice?: (line: string) => void;
  },
  use: () => Promise<T>,
): Promise<T> {
  const { signal, onNotice, onProgress } = options;
  for (let isFirst = true; ; isFirst = false) {
    const holder = await tryLock(blob, use);
    if (!('pid' in holder)) return holder.result;
    if (isFirst)
      onNotice?.(`process ${holder.pid} on ${holder.host} is downloading ${blob.label}; waiting for it`);
    onProgress?.(await partialBytes(blob.blobPath, blob.sizeBytes), blob.sizeBytes, `process ${holder.pid}`);
    await sleep(LOOK_MS, signal);
  }
}

/** The result, or who has the lock. */
async function tryLock<T>(blob: LockedBlob, use: () => Promise<T>): Promise<Holder | { readonly result: T }> {
  let lock: Awaited<ReturnType<typeof lockFile>>;
  try {
    lock = await lockFile(blob.lockPath, (holder) => new Held(holder));
  } catch (error) {
    if (error instanceof Held) return error.holder;
    throw fileError(error, `Cannot lock ${blob.label}`);
  }
  try {
    return { result: await use() };
  } finally {
    await lock.close();
  }
}

/** Throws `ResourceError` (`download-running`) while a process downloads the blob. */
export async function checkNotDownloading(blob: LockedBlob): Promise<void> {
  const holder = await tryLock(blob, async () => undefined);
  if (!('pid' in holder)) return;
  throw new ResourceError(
    `Cannot remove ${blob.label}: process ${holder.pid} on ${holder.host} is downloading it`,
    {
      code: 'download-running',
      hint: 'wait for it, or stop it',
    },
  );
}
