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

/** Opens a file by its path or URL; `openFileSource` is the one for this machine's disk. */
export type SourceOpener = (name: string) => Promise<ByteSource>;

/** A folder of files to read: a directory, a hub snapshot, an unpacked archive. */
export interface SourceFolder {
  /** What errors call it. */
  readonly name: string;
  /** The file of that name, or nothing if the folder has none. */
  open(fileName: string): Promise<ByteSource | undefined>;
}

/** The whole source as one array, for the small files of a model folder. */
export function readAll(source: ByteSource): Promise<Uint8Array> {
  return source.read(0, source.size);
}
