/**
 * A file being written, front to back. It is invisible under its name until `finish`: a crash, a full disk or Ctrl-C
 * leaves the old file, or none, but never half of the new one.
 */
export interface ByteSink {
  /** What errors call it: the path it will have. */
  readonly name: string;
  /**
   * Continue a file that an earlier process left: if it begins with `header`, keep it up to the last of `borders` that it
   * reaches, and give that offset; 0 if there is nothing to continue. Only sinks that can, and before anything is written.
   */
  resume?(header: Uint8Array, borders: readonly number[]): Promise<number>;
  /** Append. The sink has done with `bytes` when the promise resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Put the file in place under its name. */
  finish(): Promise<void>;
  /** Throw away what was written. Does nothing after `finish`. */
  discard(): Promise<void>;
}

/** Write a whole file, piece by piece. Whatever fails leaves nothing of it, and no open file. */
export async function writeAll(sink: ByteSink, pieces: Iterable<Uint8Array>): Promise<void> {
  try {
    for (const bytes of pieces) await sink.write(bytes);
    await sink.finish();
  } catch (error) {
    // What discarding throws besides would hide why.
    await sink.discard().catch(() => undefined);
    throw error;
  }
}

/** Starts a file; `sizeBytes` lets it refuse early if the disk has no room for that much. */
export type SinkOpener = (name: string, sizeBytes: number) => Promise<ByteSink>;

/** A folder that files are written to. */
export interface SinkFolder {
  readonly name: string;
  create(fileName: string, sizeBytes: number): Promise<ByteSink>;
}

/** How far a writer is; `sizeBytes` is the sum over all files. */
export interface WriteProgress {
  readonly doneBytes: number;
  readonly sizeBytes: number;
  /** The tensor whose bytes were just written. */
  readonly tensor: string;
}
