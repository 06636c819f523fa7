/** Checks the content of a file while it is written, though its ranges arrive in any order. */
import { createHash, type Hash } from 'node:crypto';
import type { IntervalSet } from './intervals.ts';

/** What the content has to be: `size` where the hub gives no hash. */
export interface ContentCheck {
  readonly kind: 'sha256' | 'git-sha1' | 'size';
  /** In hex; empty for `size`. */
  readonly expected: string;
}

/** The strictest check that the hub's facts allow. `blob` is the SHA-256 of large files, the id in Git of others. */
export function contentCheck(file: {
  readonly sha256: string | undefined;
  readonly blob: string;
}): ContentCheck {
  if (file.sha256 !== undefined) return { kind: 'sha256', expected: file.sha256 };
  if (/^[0-9a-f]{40}$/.test(file.blob)) return { kind: 'git-sha1', expected: file.blob };
  return { kind: 'size', expected: '' };
}

function startHash(kind: 'sha256' | 'git-sha1', sizeBytes: number): Hash {
  return kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${sizeBytes}\0`);
}

const PIECE_BYTES = 1024 * 1024;

/**
 * Hashes are computed front to back. What arrives at the front is hashed in memory; what arrived ahead of it is read back from the
 * file once the front is there, which costs little while it is still in the page cache.
 */
export class OrderedHash {
  private readonly hash: Hash | undefined;
  private readonly written: IntervalSet;
  private readonly read: (offset: number, length: number) => Promise<Uint8Array>;
  private front = 0;
  private reading: Promise<void> | undefined;
  private failure: unknown;
  private isStopped = false;

  /** `written` says what `read` can give; it grows. */
  constructor(
    check: ContentCheck,
    sizeBytes: number,
    written: IntervalSet,
    read: (offset: number, length: number) => Promise<Uint8Array>,
  ) {
    this.hash = check.kind === 'size' ? undefined : startHash(check.kind, sizeBytes);
    this.written = written;
    this.read = read;
  }

  /** Bytes hashed so far. */
  get doneBytes(): number {
    return this.front;
  }

  /** Take note of bytes that are in the file, and in `written`, now. */
  wrote(offset: number, bytes: Uint8Array): void {
    if (!this.hash || this.isStopped) return;
    if (offset === this.front && !this.reading) {
      this.hash.update(bytes);
      this.front += bytes.length;
    }
    this.catchUp();
  }

  /** Read what is there at the front, unless that happens already. */
  catchUp(): void {
    if (!this.hash || this.reading || this.isStopped || this.written.endOfRunAt(this.front) === this.front)
      return;
    this.reading = this.readBack()
      .catch((error: unknown) => {
        this.failure = error;
        this.isStopped = true;
      })
      .finally(() => {
        this.reading = undefined;
      });
  }

  /** The hash in hex, once every byte is in `written`; empty for `size`. */
  async finish(): Promise<string> {
    do {
      this.catchUp();
      await this.reading;
    } while (this.written.endOfRunAt(this.front) > this.front && this.hash && !this.isStopped);
    if (this.failure !== undefined) throw this.failure;
    return this.hash?.digest('hex') ?? '';
  }

  /** No read is running once it returns. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await this.reading;
  }

  private async readBack(): Promise<void> {
    for (;;) {
      const length = Math.min(PIECE_BYTES, this.written.endOfRunAt(this.front) - this.front);
      if (length === 0 || this.isStopped) return;
      this.hash?.update(await this.read(this.front, length));
      this.front += length;
    }
  }
}
