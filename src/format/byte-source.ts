/**
 * Random access to bytes: a file, a buffer, later an HTTP range reader. Readers take this and nothing else,
 * so everything above runs in a browser.
 */
export interface ByteSource {
  /** What errors call it: a path or a URL. */
  readonly name: string;
  readonly size: number;
  /** The file's path, where there is one on this machine: lets a backend map it. */
  readonly path?: string;
  /** Exactly `length` bytes at `offset`; a `FormatError` (`truncated-file`) if the source ends before. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}
