/** Lines of a JSON lines file together with where they are, so that they can be read again one by one. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { FormatError } from '../../core/errors.ts';
import { badLine } from '../json-lines.ts';
import { ByteWindow } from '../warc/byte-window.ts';
import { inflatedBytes, MAX_RECORD_BYTES, type RecordPlace } from '../warc/read-warc.ts';

export type PlacedLine =
  | { readonly fields: Readonly<Record<string, unknown>>; readonly place: RecordPlace }
  /** A line that is not a JSON object; the next ones are read. */
  | { readonly error: FormatError };

const CHUNK_BYTES = 1 << 18;

/** Bytes of a file of lines, decompressed where its name ends with `.gz`. */
export function lineBytes(file: string): AsyncIterable<Uint8Array> {
  if (file.endsWith('.gz')) return inflatedBytes(file, createGunzip({ chunkSize: CHUNK_BYTES }), {});
  return createReadStream(file, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Uint8Array>;
}

/** Empty lines are passed over. A file that cannot be decompressed to its end gives the lines before, and an error. */
export async function* linesWithPlaces(file: string): AsyncGenerator<PlacedLine> {
  const kind = file.endsWith('.gz') ? 'stream' : 'plain';
  const window = new ByteWindow(lineBytes(file));
  let line = 0;
  try {
    for (;;) {
      let size = 0;
      let end = window.bytes.indexOf(10);
      while (end < 0 && !window.isAtEnd && window.bytes.length <= MAX_RECORD_BYTES) {
        size = window.bytes.length;
        await window.fill(size + CHUNK_BYTES);
        end = window.bytes.indexOf(10, size);
      }
      if (end < 0 && window.bytes.length > MAX_RECORD_BYTES) {
        yield { error: badLine(file, ++line, `it is longer than ${MAX_RECORD_BYTES} bytes`) };
        await toLineEnd(window);
        continue;
      }
      if (end < 0) end = window.bytes.length;
      if (window.failure && end === window.bytes.length) {
        yield { error: cutOff(file, window.failure) };
        return;
      }
      if (end === 0 && window.bytes.length === 0) return;
      line++;
      const place: RecordPlace = { kind, offset: window.position, size: end, inner: 0 };
      const text = Buffer.from(window.bytes.buffer, window.bytes.byteOffset, end).toString('utf8');
      if (text.trim() !== '') yield parsed(text, place, file, line);
      await window.skip(Math.min(end + 1, window.bytes.length));
    }
  } finally {
    await window.close();
  }
}

function cutOff(file: string, cause: Error): FormatError {
  return new FormatError(`Cannot decompress ${file} to its end: ${cause.message}`, {
    code: 'bad-gzip',
    hint: 'the file is damaged or incomplete; compare its size with where it came from',
    cause,
  });
}

async function toLineEnd(window: ByteWindow): Promise<void> {
  for (let end = window.bytes.indexOf(10); end < 0; end = window.bytes.indexOf(10)) {
    await window.skip(window.bytes.length);
    if (!(await window.fill(1))) return;
  }
  await window.skip(window.bytes.indexOf(10) + 1);
}

function parsed(text: string, place: RecordPlace, file: string, line: number): PlacedLine {
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields))
      return { fields: fields as Readonly<Record<string, unknown>>, place };
    return { error: badLine(file, line, 'it is not a JSON object') };
  } catch (cause) {
    return { error: badLine(file, line, 'it is not JSON', cause) };
  }
}
