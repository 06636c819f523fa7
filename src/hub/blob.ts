/**
 * Downloads one file into the cache: several ranges at once into a partial file, with a record of what is on disk, hashed while it
 * is written, and renamed to its final name only once size and hash are right.
 */
import { setMaxListeners } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { FormatError, ResourceError } from '../core/errors.ts';
import { fileError } from '../format/file-source.ts';
import { fetchRange, fetchWhole, NoRanges, type RemoteFile } from './fetch-range.ts';
import { type ContentCheck, OrderedHash } from './hash.ts';
import { type Interval, IntervalSet } from './intervals.ts';
import { readRecord, removeRecord, writeRecord } from './range-record.ts';
import { Attempts } from './retry.ts';

export interface BlobOptions {
  readonly signal: AbortSignal;
  /** Bytes that are there, of the whole file; `isChecking` once only the hash is missing. */
  readonly onProgress?: (doneBytes: number, isChecking: boolean) => void;
  readonly onNotice?: (line: string) => void;
}

const PARTIAL = '.dots-partial';

export function partialPath(blobPath: string): string {
  return blobPath + PARTIAL;
}

export function recordPath(blobPath: string): string {
  return `${blobPath}${PARTIAL}.json`;
}

/** Bytes that an earlier download has left. */
export async function partialBytes(blobPath: string, sizeBytes: number): Promise<number> {
  const record = await usableRecord(blobPath, sizeBytes);
  return new IntervalSet(record).totalBytes;
}

async function usableRecord(blobPath: string, sizeBytes: number): Promise<readonly Interval[]> {
  const file = await stat(partialPath(blobPath)).catch(() => undefined);
  if (!file?.isFile() || file.size !== sizeBytes) return [];
  return (await readRecord(recordPath(blobPath), sizeBytes))?.done ?? [];
}

/** So many more bytes make earlier faults of a connection not count. */
const PROGRESS_BYTES = 1024 * 1024;

/**
 * Download to `blobPath`. The caller holds its lock. Throws with everything kept that is on disk, but for content with the wrong
 * hash (`hash-mismatch`), which is deleted.
 */
export async function downloadBlob(
  remote: RemoteFile,
  blobPath: string,
  check: ContentCheck,
  options: BlobOptions,
): Promise<void> {
  const { sizeBytes } = remote;
  // Without a hash, nobody would notice that the two halves are of different files.
  const left = check.kind === 'size' ? [] : await usableRecord(blobPath, sizeBytes);
  const file = await openPartial(blobPath, sizeBytes, left.length > 0);
  const download = new BlobDownload(remote, blobPath, file, check, new IntervalSet(left), options);
  let hash: string;
  try {
    hash = await download.run();
  } catch (error) {
    if (check.kind === 'size') await discard(blobPath);
    throw error;
  } finally {
    await file.close();
  }
  if (hash !== check.expected) {
    await discard(blobPath);
    throw new FormatError(
      `The content of ${remote.label} is not what the hub promises: expected ${check.kind} ${check.expected}, found ${hash}`,
      {
        code: 'hash-mismatch',
        hint: 'the download was deleted; run it again, and if it fails again, a proxy or the disk changes bytes',
        expected: check.expected,
        found: hash,
      },
    );
  }
  try {
    await rename(partialPath(blobPath), blobPath);
    await removeRecord(recordPath(blobPath));
  } catch (error) {
    throw fileError(error, `Cannot write ${blobPath}`);
  }
}

async function discard(blobPath: string): Promise<void> {
  await rm(partialPath(blobPath), { force: true });
  await removeRecord(recordPath(blobPath));
}

async function openPartial(blobPath: string, sizeBytes: number, isContinued: boolean): Promise<FileHandle> {
  const path = partialPath(blobPath);
  try {
    if (!isContinued) await discard(blobPath);
    // Never through a link that something else has put there.
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = constants;
    const file = await open(path, isContinued ? O_RDWR | O_NOFOLLOW : O_RDWR | O_CREAT | O_EXCL, 0o666);
    if (!isContinued) {
      await file.truncate(sizeBytes).catch(async (error: unknown) => {
        await file.close();
        throw error;
      });
    }
    return file;
  } catch (error) {
    throw fileError(error, `Cannot write ${path}`);
  }
}

class BlobDownload {
  private readonly remote: RemoteFile;
  private readonly blobPath: string;
  private readonly file: FileHandle;
  private readonly written: IntervalSet;
  private readonly hash: OrderedHash;
  private readonly isRecorded: boolean;
  private readonly options: BlobOptions;
  private readonly controller = new AbortController();
  private unrecordedBytes = 0;
  private recording: Promise<void> | undefined;
  private failure: unknown;

  constructor(
    remote: RemoteFile,
    blobPath: string,
    file: FileHandle,
    check: ContentCheck,
    written: IntervalSet,
    options: BlobOptions,
  ) {
    this.remote = remote;
    this.blobPath = blobPath;
    this.file = file;
    this.written = written;
    this.options = options;
    this.isRecorded = check.kind !== 'size';
    this.hash = new OrderedHash(check, remote.sizeBytes, written, (offset, length) =>
      this.read(offset, length),
    );
  }

  /** The hash of the whole content; all of it is on disk then. */
  async run(): Promise<string> {
    const { signal } = this.options;
    const onAbort = (): void => this.controller.abort(signal.reason);
    // Each connection listens to it, which would be taken for a leak.
    setMaxListeners(0, this.controller.signal);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      this.hash.catchUp();
      this.report();
      await this.fetchAll();
      return await this.finishHash();
    } catch (error) {
      await this.hash.stop();
      await this.recording;
      await this.record().catch(() => undefined);
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  private async fetchAll(): Promise<void> {
    const { tuning } = this.remote.client;
    const pieces = this.written.gaps(0, this.remote.sizeBytes, tuning.rangeBytes);
    if (pieces.length === 0) return;
    let onAnswer: () => void = () => {};
    // The first answer brings the address of the download host; until then one request is enough.
    const answered = new Promise<void>((resolve) => {
      onAnswer = resolve;
    });
    const work = async (): Promise<void> => {
      for (let piece = pieces.shift(); piece; piece = pieces.shift()) await this.fetchPiece(piece, onAnswer);
      onAnswer();
    };
    const guarded = (worker: Promise<void>): Promise<void> =>
      worker.catch((error: unknown) => {
        this.failure ??= error;
        this.controller.abort(error);
        onAnswer();
      });
    const first = guarded(work());
    await answered;
    const others = Array.from({ length: Math.min(tuning.connections - 1, pieces.length) }, () =>
      guarded(work()),
    );
    await Promise.all([first, ...others]);
    await this.recording;
    this.options.signal.throwIfAborted();
    if (this.failure instanceof NoRanges) {
      this.failure = undefined;
      await this.fetchInOrder();
    }
    if (this.failure !== undefined) throw this.failure;
  }

  private async fetchPiece([start, end]: Interval, onAnswer: () => void): Promise<void> {
    const attempts = new Attempts(
      `download ${this.remote.label}`,
      this.remote.client.tuning,
      this.options.onNotice,
    );
    for (let at = start, countedBytes = this.written.totalBytes; at < end; ) {
      this.controller.signal.throwIfAborted();
      try {
        for await (const chunk of fetchRange(this.remote, at, end, this.controller.signal)) {
          onAnswer();
          await this.write(at, chunk);
          at += chunk.length;
        }
      } catch (error) {
        // Progress of any connection counts: hosts limit how many they serve at once.
        if (this.written.totalBytes - countedBytes >= Math.min(PROGRESS_BYTES, end - start)) {
          attempts.reset();
          countedBytes = this.written.totalBytes;
        }
        if (at < end) await attempts.failed(error, this.controller.signal);
      }
    }
  }

  /** One connection from the first byte to the last; what is there already is passed over. */
  private async fetchInOrder(): Promise<void> {
    const { signal } = this.options;
    this.options.onNotice?.(
      `${this.remote.url.host} serves no ranges: one connection, which cannot be continued`,
    );
    const attempts = new Attempts(
      `download ${this.remote.label}`,
      this.remote.client.tuning,
      this.options.onNotice,
    );
    while (this.written.totalBytes < this.remote.sizeBytes) {
      const before = this.written.totalBytes;
      try {
        let at = 0;
        for await (const chunk of fetchWhole(this.remote, signal)) {
          // Never twice: what was hashed has to stay what is in the file.
          for (const [start, end] of this.written.gaps(at, at + chunk.length))
            await this.write(start, chunk.subarray(start - at, end - at));
          at += chunk.length;
        }
      } catch (error) {
        if (this.written.totalBytes - before >= PROGRESS_BYTES) attempts.reset();
        await attempts.failed(error, signal);
      }
    }
    await this.recording;
  }

  private async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    try {
      for (let done = 0; done < bytes.length; )
        done += (await this.file.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
    } catch (error) {
      throw fileError(error, `Cannot write ${partialPath(this.blobPath)}`);
    }
    this.written.add(offset, offset + bytes.length);
    this.hash.wrote(offset, bytes);
    this.unrecordedBytes += bytes.length;
    this.report();
    // As much arrives while a record is written as before it. Both, and a chunk per connection, are what a kill loses: less
    // than a range.
    const limit = (this.remote.client.tuning.rangeBytes * 3) / 8;
    if (this.unrecordedBytes < limit) return;
    if (this.recording) await this.recording;
    else
      this.recording = this.record()
        .catch((error: unknown) => {
          this.failure ??= fileError(error, `Cannot write ${recordPath(this.blobPath)}`);
        })
        .finally(() => {
          this.recording = undefined;
        });
  }

  /** Data before the record: after a power cut it must not name bytes that never reached the disk. */
  private async record(): Promise<void> {
    const done = this.written.list();
    this.unrecordedBytes = 0;
    await this.file.datasync();
    if (this.isRecorded)
      await writeRecord(recordPath(this.blobPath), { sizeBytes: this.remote.sizeBytes, done });
  }

  private async finishHash(): Promise<string> {
    const { sizeBytes } = this.remote;
    const timer = setInterval(() => this.options.onProgress?.(this.hash.doneBytes, true), 200);
    const { signal } = this.options;
    const onAbort = (): void => void this.hash.stop();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (this.remote.sizeBytes > this.remote.client.tuning.rangeBytes) await this.record();
      else await this.file.datasync();
      const hash = await this.hash.finish();
      signal.throwIfAborted();
      if (this.hash.doneBytes !== sizeBytes && this.isRecorded)
        throw new ResourceError(`Cannot read back ${partialPath(this.blobPath)}`, { code: 'io-error' });
      return hash;
    } catch (error) {
      signal.throwIfAborted();
      throw fileError(error, `Cannot read back ${partialPath(this.blobPath)}`);
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  private async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.file.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new Error(`the partial file ends at byte ${offset + done}`);
      done += bytesRead;
    }
    return bytes;
  }

  private report(): void {
    this.options.onProgress?.(this.written.totalBytes, false);
  }
}
