/** Reads pages that `scan` has found, one at a time, wherever they are. */
import { open } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import { ResourceError } from '../../core/errors.ts';
import { numberOf, type Row, textOf } from '../plan/row.ts';
import { ByteWindow } from '../warc/byte-window.ts';
import { readMember } from '../warc/gzip-member.ts';
import { parseHttpResponse } from '../warc/http-response.ts';
import { inflatedBytes, MAX_RECORD_BYTES, zstdDecoder } from '../warc/read-warc.ts';
import { damaged, parseHeader } from '../warc/record.ts';

export interface Page {
  /** A string where the input was text already. */
  readonly html: string | Uint8Array;
  /** As the server sent it, or empty. */
  readonly contentType: string;
}

/** Larger pages are not extracted. */
export const MAX_PAGE_BYTES = 16 << 20;

/** Of a file that can only be read from the start, it keeps where it is. */
export class PageReader {
  private readonly resolve: (path: string) => string;
  private stream: { readonly path: string; readonly window: ByteWindow } | undefined;

  constructor(resolve: (path: string) => string) {
    this.resolve = resolve;
  }

  /** Throws `FormatError` where the file was changed since it was scanned, `ResourceError` for pages larger than `MAX_PAGE_BYTES`. */
  async read(row: Row): Promise<Page> {
    const bytes = await this.bytes(row);
    if (textOf(row, 'format') === 'lines') {
      const { html } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { html: string };
      if (html.length > MAX_PAGE_BYTES) throw tooLarge();
      return { html, contentType: '' };
    }
    const header = parseHeader(bytes);
    if (!header) throw damaged('it was changed since it was listed');
    const block = bytes.subarray(header.headerBytes, header.headerBytes + header.blockBytes);
    const { status, headers, body } = parseHttpResponse(block, MAX_PAGE_BYTES);
    if (body.length > MAX_PAGE_BYTES) throw tooLarge();
    return {
      html: body,
      contentType: status === 0 ? header.contentType : (headers.get('content-type') ?? ''),
    };
  }

  private async bytes(row: Row): Promise<Uint8Array> {
    const path = this.resolve(textOf(row, 'source'));
    const offset = numberOf(row, 'offset');
    const size = numberOf(row, 'size');
    if (row.place === 'stream') return await this.streamed(path, offset, size);
    const bytes = new Uint8Array(size);
    const handle = await open(path, 'r');
    const { bytesRead } = await handle.read(bytes, 0, size, offset).finally(() => handle.close());
    if (bytesRead < size) throw damaged('the file is shorter than when it was listed');
    if (row.place === 'plain') return bytes;
    const member = readMember(bytes, MAX_RECORD_BYTES);
    if (!member) throw damaged('the file was changed since it was listed');
    return member.bytes.subarray(numberOf(row, 'inner'));
  }

  async close(): Promise<void> {
    await this.stream?.window.close();
    this.stream = undefined;
  }

  /** Documents come in the order of the file, so that each is usually ahead. */
  private async streamed(path: string, offset: number, size: number): Promise<Uint8Array> {
    if (this.stream?.path !== path || this.stream.window.position > offset) {
      await this.stream?.window.close();
      this.stream = { path, window: new ByteWindow(inflatedBytes(path, await decoderOf(path), {})) };
    }
    const { window } = this.stream;
    await window.skip(offset - window.position);
    if (!(await window.fill(size))) throw damaged('the file is shorter than when it was listed');
    return window.bytes.slice(0, size);
  }
}

async function decoderOf(path: string) {
  const handle = await open(path, 'r');
  const start = new Uint8Array(4);
  await handle.read(start, 0, 4, 0).finally(() => handle.close());
  return start[0] === 0x1f ? zlib.createGunzip({ chunkSize: 1 << 18 }) : zstdDecoder(path, start);
}

function tooLarge(): ResourceError {
  return new ResourceError(`Cannot extract a page: it is larger than ${MAX_PAGE_BYTES >> 20} MB`, {
    code: 'page-too-large',
    hint: 'it is listed with the errors of the step',
  });
}
