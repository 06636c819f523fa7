/** Reads a file of training text from front to back, plain or gzipped. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { FormatError, ResourceError, UsageError } from '../core/errors.ts';

const CHUNK_BYTES = 1 << 18;

export interface ReadBytesOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the file, as it lies on disk, read so far. */
  readonly onBytes?: (doneBytes: number) => void;
}

/**
 * The bytes of a file, those inside a `.gz` file. Throws `UsageError` if there is no such file, `FormatError` for a damaged
 * archive, `ResourceError` where it cannot be read.
 */
export async function* readBytes(file: string, options: ReadBytesOptions = {}): AsyncGenerator<Uint8Array> {
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  const stream = file.endsWith('.gz')
    ? pipeline(source, createGunzip({ chunkSize: CHUNK_BYTES }), () => {})
    : source;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      options.signal?.throwIfAborted();
      options.onBytes?.(source.bytesRead);
      yield chunk;
    }
  } catch (cause) {
    throw readable(file, cause);
  } finally {
    // Destroying the far end when the reader stops early also closes the file.
    stream.destroy();
    source.destroy();
  }
}

function readable(file: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code.startsWith('Z_') || code === 'ERR_STREAM_PREMATURE_CLOSE') {
    return new FormatError(`Cannot decompress ${file}: ${(cause as Error).message}`, {
      code: 'bad-gzip',
      hint: 'the file is damaged or incomplete; compare its size with where it came from',
      cause,
    });
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new UsageError(`Cannot read ${file}: there is no such file`, {
      code: 'file-not-found',
      hint: 'check the spelling; a relative path starts at the current folder',
      cause,
    });
  }
  if (!(cause instanceof Error && 'syscall' in cause)) return cause;
  return new ResourceError(`Cannot read ${file}: ${cause.message}`, {
    code: 'unreadable-file',
    hint: 'check that it is a file and that you may read it',
    cause,
  });
}
