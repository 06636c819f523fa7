/** Small archives for tests, and how they are damaged. */
import { gzipSync } from 'node:zlib';

export interface TestPage {
  readonly url: string;
  readonly html: string;
  readonly contentType?: string;
  readonly status?: number;
}

/** One `response` record. */
export function warcRecord({ url, html, contentType = 'text/html', status = 200 }: TestPage): Buffer {
  const block = `HTTP/1.1 ${status} X\r\nContent-Type: ${contentType}\r\n\r\n${html}`;
  const header =
    `WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: ${url}\r\nWARC-Record-ID: <urn:x:${url}>\r\n` +
    `Content-Type: application/http; msgtype=response\r\nContent-Length: ${Buffer.byteLength(block)}\r\n\r\n`;
  return Buffer.from(`${header}${block}\r\n\r\n`);
}

/** A gzip member for each record. */
export function warcGz(pages: readonly TestPage[]): Buffer {
  return Buffer.concat(pages.map((page) => gzipSync(warcRecord(page))));
}

export function pages(count: number): TestPage[] {
  return Array.from({ length: count }, (_, i) => ({
    url: `http://site${i % 7}.example/page/${i}`,
    html: `<html><head><title>Page ${i}</title></head><body><p>${sentence(i).repeat(4)}</p></body></html>`,
  }));
}

function sentence(i: number): string {
  return `This is the text of page number ${i}, which is about the weather of day ${i * 3} and about nothing else. `;
}
