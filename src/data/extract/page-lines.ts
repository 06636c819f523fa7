/** Lines of files with one page each, plain or gzipped, or of stdin. What is wrong with a line is not an error of the file. */
import { createGunzip } from 'node:zlib';
import { InternalError } from '../../core/errors.ts';
import { type ReadBytesOptions, readBytes } from '../read-bytes.ts';

export interface PageLine {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Undefined for lines that are too long to hold. */
  readonly bytes: Uint8Array | undefined;
}

/** Room for 16 million characters of HTML, escaped. */
export const MAX_LINE_BYTES = 128 * 1024 * 1024;
const LINE_END = 10;

/** Lines of one file that aren't empty. Throws as `readBytes` does. */
export async function* readPageLines(
  file: string,
  options: ReadBytesOptions & {
    readonly stdin?: AsyncIterable<Uint8Array | string>;
    readonly maxLineBytes?: number;
  },
): AsyncGenerator<PageLine> {
  const chunks = file === '-' ? stdinBytes(options) : readBytes(file, options);
  const maxBytes = options.maxLineBytes ?? MAX_LINE_BYTES;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let line = 0;
  const take = (tail: Uint8Array): PageLine | undefined => {
    line++;
    const numBytes = heldBytes + tail.length;
    const bytes = numBytes > maxBytes ? undefined : Buffer.concat([...held, tail]);
    held = [];
    heldBytes = 0;
    if (bytes && isBlank(bytes)) return undefined;
    return { file, line, bytes };
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, start)) {
      const found = take(chunk.subarray(start, end));
      if (found) yield found;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    heldBytes += chunk.length - start;
    if (heldBytes > maxBytes) held = [];
    else held.push(chunk.slice(start));
  }
  if (heldBytes > 0) {
    const found = take(new Uint8Array(0));
    if (found) yield found;
  }
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.length < 100 && bytes.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

/** stdin, decompressed where it begins as gzip does. */
async function* stdinBytes({
  stdin,
  signal,
}: ReadBytesOptions & { readonly stdin?: AsyncIterable<Uint8Array | string> }): AsyncGenerator<Uint8Array> {
  if (!stdin) throw new InternalError('stdin was not passed');
  const source = stdin[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done) return;
  const start = toBytes(first.value);
  async function* all(): AsyncGenerator<Uint8Array> {
    yield start;
    for (;;) {
      const next = await source.next();
      if (next.done) return;
      yield toBytes(next.value);
    }
  }
  const isGzip = start[0] === 0x1f && start[1] === 0x8b;
  if (!isGzip) {
    for await (const chunk of all()) {
      signal?.throwIfAborted();
      yield chunk;
    }
    return;
  }
  const gunzip = createGunzip();
  const { pipeline, Readable } = await import('node:stream');
  for await (const chunk of pipeline(Readable.from(all()), gunzip, () => {})) {
    signal?.throwIfAborted();
    yield chunk as Uint8Array;
  }
}

function toBytes(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}
