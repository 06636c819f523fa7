/** Single members of gzip files: archives compress each record by itself, so that it can be read alone. */
import { crc32, inflateRawSync } from 'node:zlib';
import { damaged } from './record.ts';

export interface Member {
  readonly bytes: Uint8Array;
  /** Compressed, header and checksum included. */
  readonly size: number;
}

export function isGzip(bytes: Uint8Array, at = 0): boolean {
  return bytes[at] === 0x1f && bytes[at + 1] === 0x8b && bytes[at + 2] === 8;
}

/**
 * The member at the start of `bytes`. Undefined where it continues after them. Throws `FormatError` for a damaged one and for one that
 * holds more than `maxBytes`.
 */
export function readMember(bytes: Uint8Array, maxBytes: number): Member | undefined {
  if (bytes.length < 18) return undefined;
  if (!isGzip(bytes)) throw damaged('no gzip member begins here');
  const start = headerSize(bytes);
  if (start === undefined || start >= bytes.length) return undefined;
  let result: { buffer: Buffer; engine: { bytesWritten: number } };
  try {
    result = inflateRawSync(bytes.subarray(start), {
      info: true,
      maxOutputLength: maxBytes,
    }) as unknown as typeof result;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') return undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw damaged(`it holds more than ${maxBytes} bytes`, cause);
    throw damaged(`it cannot be decompressed: ${(cause as Error).message}`, cause);
  }
  const end = start + result.engine.bytesWritten;
  if (bytes.length < end + 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + end, 8);
  if (view.getUint32(0, true) !== crc32(result.buffer)) throw damaged('its checksum is wrong');
  return { bytes: result.buffer, size: end + 8 };
}

/** RFC 1952; undefined where the header continues after `bytes`. */
function headerSize(bytes: Uint8Array): number | undefined {
  const flags = bytes[3];
  let at = 10;
  if (flags & 4) at += 2 + (bytes[at] | (bytes[at + 1] << 8));
  for (const flag of [8, 16]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    at = end + 1;
  }
  return flags & 2 ? at + 2 : at;
}
