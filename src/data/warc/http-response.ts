/** The HTTP response inside a record: status, headers, and the body without its transfer and content codings. */
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { headerFields } from './record.ts';

export interface HttpResponse {
  /** 0 where the record holds no HTTP response. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** Servers send, and crawlers store, wrong codings; a body that cannot be decoded is returned as it is. */
export function parseHttpResponse(block: Uint8Array, maxBytes: number): HttpResponse {
  const view = Buffer.from(block.buffer, block.byteOffset, block.length);
  const start = view.toString('latin1', 0, 16);
  const status = /^HTTP\/[\d.]+ +(\d{3})/.exec(start)?.[1];
  if (status === undefined) return { status: 0, headers: new Map(), body: block };
  const end = headEnd(view);
  const headers = headerFields(view.toString('latin1', 0, end.headBytes));
  let body: Uint8Array = view.subarray(end.bodyStart);
  if (/\bchunked\b/i.test(headers.get('transfer-encoding') ?? '')) body = withoutChunks(body);
  return { status: Number(status), headers, body: decoded(body, headers, maxBytes) };
}

function headEnd(view: Buffer): { headBytes: number; bodyStart: number } {
  const strict = view.indexOf('\r\n\r\n');
  const loose = view.indexOf('\n\n');
  if (strict >= 0 && (loose < 0 || strict < loose)) return { headBytes: strict, bodyStart: strict + 4 };
  if (loose >= 0) return { headBytes: loose, bodyStart: loose + 2 };
  return { headBytes: view.length, bodyStart: view.length };
}

/** As it is where the first chunk has no valid size: many crawlers store bodies without chunks and keep the header. */
function withoutChunks(body: Uint8Array): Uint8Array {
  const view = Buffer.from(body.buffer, body.byteOffset, body.length);
  const chunks: Uint8Array[] = [];
  let at = 0;
  while (at < view.length) {
    const lineEnd = view.indexOf('\n', at);
    const line = lineEnd < 0 || lineEnd - at > 64 ? '' : view.toString('latin1', at, lineEnd);
    const size = /^([\da-f]{1,8})\s*(?:;.*)?\r?$/i.exec(line)?.[1];
    if (size === undefined) return chunks.length === 0 ? body : Buffer.concat([...chunks, view.subarray(at)]);
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    chunks.push(view.subarray(lineEnd + 1, lineEnd + 1 + length));
    at = lineEnd + 1 + length;
    if (view[at] === 13) at++;
    if (view[at] === 10) at++;
  }
  return Buffer.concat(chunks);
}

function decoded(
  body: Uint8Array,
  headers: ReadonlyMap<string, string>,
  maxOutputLength: number,
): Uint8Array {
  const coding = (headers.get('content-encoding') ?? '').trim().toLowerCase();
  try {
    if (coding === 'gzip' || coding === 'x-gzip') return gunzipSync(body, { maxOutputLength });
    if (coding === 'br') return brotliDecompressSync(body, { maxOutputLength });
    if (coding === 'deflate') {
      try {
        return inflateSync(body, { maxOutputLength });
      } catch {
        return inflateRawSync(body, { maxOutputLength });
      }
    }
  } catch {
    // Crawlers often decode the body and keep the header.
  }
  return body;
}
