/**
 * Reads WARC and ARC archives record by record: plain, with a gzip member for each record, compressed as a whole with gzip, or with zstd.
 * A damaged record is reported with its offset, and reading continues with the next one.
 */
import { createReadStream } from 'node:fs';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { FormatError, ResourceError, UnsupportedError, UsageError } from '../../core/errors.ts';
import { ByteWindow } from './byte-window.ts';
import { isGzip, readMember } from './gzip-member.ts';
import { damaged, formatAt, MAX_HEADER_BYTES, parseHeader, type WarcRecord } from './record.ts';

/** Where a record is. */
export interface RecordPlace {
  /** `member`: a gzip member; `plain`: the bytes of the file; `stream`: bytes that only decompressing from the start reaches. */
  readonly kind: 'member' | 'plain' | 'stream';
  /** Of the member, or of the record; for `stream` in the decompressed bytes. */
  readonly offset: number;
  /** Bytes from there on that hold the record. */
  readonly size: number;
  /** Of the record in the decompressed member; 0 almost always. */
  readonly inner: number;
}

export type WarcItem =
  | { readonly record: WarcRecord; readonly place: RecordPlace }
  /** What could not be read, and where. */
  | { readonly error: FormatError };

export interface ReadWarcOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: (doneBytes: number) => void;
}

/** Larger records are skipped and reported. */
export const MAX_RECORD_BYTES = 64 << 20;
const CHUNK_BYTES = 1 << 18;

/** Throws `UsageError` where there is no such file, `FormatError` where it is not an archive, `UnsupportedError` for zstd without Node's. */
export async function* readWarc(file: string, options: ReadWarcOptions = {}): AsyncGenerator<WarcItem> {
  const raw = new ByteWindow(bytesOf(file, options));
  try {
    await raw.fill(MAX_HEADER_BYTES);
    if (isGzip(raw.bytes)) {
      if (await hasMemberPerRecord(raw)) yield* readMembers(raw, file);
      else yield* readInflated(file, zlib.createGunzip(), options);
    } else if (isZstd(raw.bytes)) yield* readInflated(file, zstdDecoder(file, raw.bytes), options);
    else if (formatAt(raw.bytes)) yield* readRecords(raw, 'plain', file);
    else if (raw.bytes.length > 0) {
      throw new FormatError(`Cannot read ${file}: it is neither a WARC nor an ARC file`, {
        code: 'not-an-archive',
        hint: 'archives begin with WARC/1 or filedesc:, perhaps inside gzip or zstd',
      });
    }
  } finally {
    await raw.close();
  }
}

async function* bytesOf(file: string, { signal, onBytes }: ReadWarcOptions): AsyncGenerator<Uint8Array> {
  const stream = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      signal?.throwIfAborted();
      onBytes?.(stream.bytesRead);
      yield chunk;
    }
  } catch (cause) {
    throw readable(file, cause);
  } finally {
    stream.destroy();
  }
}

function readable(file: string, cause: unknown): unknown {
  const { code, syscall, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new UsageError(`Cannot read ${file}: there is no such file`, {
      code: 'file-not-found',
      hint: 'check the spelling; a relative path starts at the folder of the pipeline file',
      cause,
    });
  }
  if (syscall === undefined) return cause;
  return new ResourceError(`Cannot read ${file}: ${message}`, {
    code: 'unreadable-file',
    hint: 'check that it is a file and that you may read it',
    cause,
  });
}

/** Whether the first gzip member holds one record and no more. One that is damaged or huge says nothing: others are tried. */
async function hasMemberPerRecord(raw: ByteWindow): Promise<boolean> {
  try {
    const member = await memberAt(raw);
    if (!member) return false;
    const header = parseHeader(member.bytes);
    if (!header) return false;
    const rest = member.bytes.subarray(header.headerBytes + header.blockBytes);
    return isBlank(rest);
  } catch {
    return true;
  }
}

async function memberAt(raw: ByteWindow) {
  for (let size = CHUNK_BYTES; ; size *= 4) {
    const isWhole = !(await raw.fill(size));
    const member = readMember(raw.bytes, MAX_RECORD_BYTES);
    if (member || isWhole) return member;
    if (size > 4 * MAX_RECORD_BYTES) throw damaged('its gzip member does not end');
  }
}

async function* readMembers(raw: ByteWindow, file: string): AsyncGenerator<WarcItem> {
  while (await raw.fill(1)) {
    const offset = raw.position;
    try {
      const member = await memberAt(raw);
      if (!member) throw damaged('the file ends inside it');
      yield* recordsOfMember(member.bytes, offset, member.size);
      await raw.skip(member.size);
    } catch (error) {
      yield { error: locate(error, file, offset) };
      // The next member that holds a record, past the magic number of the damaged one.
      await raw.skip(1);
      while ((await raw.fill(64)) && !(await beginsRecord(raw))) await raw.skip(nextMagic(raw.bytes));
      if (raw.bytes.length < 64) return;
    }
  }
}

function nextMagic(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(0x1f, 1); at >= 0 && at < bytes.length - 3; at = bytes.indexOf(0x1f, at + 1))
    if (isGzip(bytes, at)) return at;
  return Math.max(1, bytes.length - 3);
}

/** Three bytes are a magic number often by chance; the start of a record inside them is not. */
async function beginsRecord(raw: ByteWindow): Promise<boolean> {
  if (!isGzip(raw.bytes)) return false;
  await raw.fill(4096);
  try {
    const partial = zlib.gunzipSync(raw.bytes.subarray(0, 4096), {
      finishFlush: zlib.constants.Z_SYNC_FLUSH,
    });
    return formatAt(partial) !== undefined;
  } catch {
    return false;
  }
}

/** Usually one. */
function* recordsOfMember(bytes: Uint8Array, offset: number, size: number): Generator<WarcItem> {
  for (let inner = 0; !isBlank(bytes.subarray(inner)); ) {
    while (bytes[inner] === 13 || bytes[inner] === 10) inner++;
    const header = parseHeader(bytes.subarray(inner));
    const end = inner + (header ? header.headerBytes + header.blockBytes : 0);
    if (!header || end > bytes.length) throw damaged('it is shorter than its Content-Length');
    const { headerBytes, blockBytes, ...record } = header;
    const block = bytes.subarray(inner + headerBytes, end);
    yield { record: { ...record, block }, place: { kind: 'member', offset, size, inner } };
    inner = end;
  }
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.length <= 16 && bytes.every((byte) => byte === 13 || byte === 10 || byte === 32);
}

/** Records one after another. */
async function* readRecords(
  window: ByteWindow,
  kind: 'plain' | 'stream',
  file: string,
): AsyncGenerator<WarcItem> {
  let format: 'warc' | 'arc' | undefined;
  for (;;) {
    while ((await window.fill(1)) && (window.bytes[0] === 13 || window.bytes[0] === 10)) await window.skip(1);
    if (window.bytes.length === 0) return;
    const offset = window.position;
    try {
      await window.fill(MAX_HEADER_BYTES);
      const header = parseHeader(window.bytes);
      if (!header) throw damaged('the file ends inside its header');
      format ??= formatAt(window.bytes);
      const { headerBytes, blockBytes, ...record } = header;
      const size = headerBytes + blockBytes;
      if (blockBytes > MAX_RECORD_BYTES) {
        yield { error: locate(damaged(`it holds more than ${MAX_RECORD_BYTES} bytes`), file, offset) };
        await window.skip(size);
        continue;
      }
      if (!(await window.fill(size))) throw damaged('the file ends inside it');
      if (!(await endsWell(window, size))) throw damaged('its Content-Length does not reach its end');
      const block = window.bytes.subarray(headerBytes, size);
      yield { record: { ...record, block }, place: { kind, offset, size, inner: 0 } };
      await window.skip(size);
    } catch (error) {
      if (!(error instanceof FormatError && error.code === 'damaged-record')) throw error;
      yield { error: locate(error, file, offset) };
      if (!(await toNextRecord(window, format))) return;
    }
  }
}

/** A record is followed by empty lines and another one, or by the end of the file. */
async function endsWell(window: ByteWindow, size: number): Promise<boolean> {
  await window.fill(size + 32);
  const after = Buffer.from(window.bytes.subarray(size, size + 32)).toString('latin1');
  return (
    /^[\r\n]*$/.test(after) || formatAt(Buffer.from(after.replace(/^[\r\n]+/, ''), 'latin1')) !== undefined
  );
}

async function toNextRecord(window: ByteWindow, format: 'warc' | 'arc' | undefined): Promise<boolean> {
  const pattern = format === 'arc' ? /\n(?=(?:https?|dns|ftp):\S+ \S+ \d{14} )/ : /\n(?=WARC\/\d\.\d\r?\n)/;
  await window.skip(1);
  for (;;) {
    await window.fill(MAX_HEADER_BYTES);
    const text = Buffer.from(window.bytes.buffer, window.bytes.byteOffset, window.bytes.length).toString(
      'latin1',
    );
    const found = pattern.exec(text);
    if (found) {
      await window.skip(found.index + 1);
      return true;
    }
    if (window.isAtEnd) return false;
    await window.skip(Math.max(1, window.bytes.length - 1024));
  }
}

/** Archives that are compressed as a whole. */
async function* readInflated(
  file: string,
  decoder: Transform,
  options: ReadWarcOptions,
): AsyncGenerator<WarcItem> {
  const window = new ByteWindow(inflatedBytes(file, decoder, options));
  try {
    yield* readRecords(window, 'stream', file);
    if (!window.failure) return;
    const failure = damaged(
      `the file cannot be decompressed further: ${window.failure.message}`,
      window.failure,
    );
    yield { error: locate(failure, file, window.position) };
  } finally {
    await window.close();
  }
}

/** The bytes of a compressed file. What cannot be decompressed ends it with the decoder's error. */
export async function* inflatedBytes(
  file: string,
  decoder: Transform,
  options: ReadWarcOptions,
): AsyncGenerator<Uint8Array> {
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  source.on('error', (error) => decoder.destroy(error));
  source.on('data', () => options.onBytes?.(source.bytesRead));
  source.pipe(decoder);
  try {
    for await (const chunk of decoder as AsyncIterable<Uint8Array>) {
      options.signal?.throwIfAborted();
      yield chunk;
    }
  } finally {
    source.destroy();
    decoder.destroy();
  }
}

function isZstd(bytes: Uint8Array): boolean {
  const magic = bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  // A frame, or one to be skipped: archives keep their dictionary in the first one.
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5;
}

/** Throws `UnsupportedError`: Node has zstd from 22.15 on, and dictionaries are not read. */
export function zstdDecoder(file: string, start: Uint8Array): Transform {
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
  const hasDictionary = start[0] === 0x5d && start[1] === 0x2a;
  if (createZstdDecompress && !hasDictionary) return createZstdDecompress();
  throw new UnsupportedError(
    `Cannot read ${file}: ${hasDictionary ? 'its zstd dictionary is not supported' : `Node ${process.versions.node} has no zstd`}`,
    {
      code: 'zstd-missing',
      hint: hasDictionary
        ? 'decompress it with the zstd tool first'
        : 'use Node 22.15 or later, or recompress it with gzip',
    },
  );
}

function locate(error: unknown, file: string, offset: number): FormatError {
  if (!(error instanceof FormatError)) throw error;
  return new FormatError(`${error.message} (byte ${offset} of ${file})`, {
    code: error.code,
    offset,
    ...(error.hint !== undefined && { hint: error.hint }),
    cause: error.cause,
  });
}
