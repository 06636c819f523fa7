import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { parseHttpResponse } from '../../../src/data/warc/http-response.ts';
import { readWarc } from '../../../src/data/warc/read-warc.ts';
import { pages, warcGz, warcRecord } from './archives.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-warc-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Found {
  readonly urls: string[];
  readonly errors: string[];
  readonly offsets: (number | undefined)[];
  readonly kinds: string[];
}

async function read(name: string, bytes: Uint8Array): Promise<Found> {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  const found: Found = { urls: [], errors: [], offsets: [], kinds: [] };
  for await (const item of readWarc(file)) {
    if ('error' in item) {
      found.errors.push(item.error.message);
      found.offsets.push(item.error.offset);
    } else {
      found.urls.push(item.record.url);
      found.kinds.push(item.place.kind);
    }
  }
  return found;
}

const PAGES = pages(5);
const URLS = PAGES.map(({ url }) => url);
const PLAIN = Buffer.concat(PAGES.map(warcRecord));

describe('readWarc()', () => {
  it.each([
    ['plain', 'a.warc', PLAIN, 'plain'],
    ['a gzip member for each record', 'b.warc.gz', warcGz(PAGES), 'member'],
    ['gzip over the whole file', 'c.warc.gz', gzipSync(PLAIN), 'stream'],
  ] as const)('reads every record: %s', async (_, name, bytes, kind) => {
    expect(await read(name, bytes)).toEqual({
      urls: URLS,
      errors: [],
      offsets: [],
      kinds: URLS.map(() => kind),
    });
  });

  it('reads ARC records, also with spaces in their URLs', async () => {
    const record = (url: string, body: string) =>
      `${url} 1.2.3.4 20240101000000 text/html ${body.length}\n${body}\n`;
    const arc =
      record('filedesc://x.arc', '1 0 X\nURL IP-address Archive-date Content-type Archive-length\n') +
      record('http://a.example/', 'HTTP/1.1 200 OK\r\n\r\nhello') +
      record('http://b.example/with space', 'HTTP/1.1 200 OK\r\n\r\n');
    const { urls, errors } = await read('a.arc', Buffer.from(arc));
    expect(errors).toEqual([]);
    expect(urls).toEqual(['filedesc://x.arc', 'http://a.example/', 'http://b.example/with space']);
  });

  it('skips a damaged gzip member, says where it is, and reads the next ones', async () => {
    const members = PAGES.map((page) => gzipSync(warcRecord(page)));
    members[2][members[2].length - 20] ^= 0xff;
    const { urls, errors, offsets } = await read('d.warc.gz', Buffer.concat(members));
    expect(urls).toEqual(URLS.filter((_, i) => i !== 2));
    const offset = members[0].length + members[1].length;
    expect(offsets).toEqual([offset]);
    expect(errors[0]).toContain(`(byte ${offset} of ${join(folder, 'd.warc.gz')})`);
  });

  it('skips a plain record whose Content-Length is wrong, and a member that is cut off at the end', async () => {
    const wrong = Buffer.from(PLAIN.toString().replace(/Content-Length: (\d+)/, 'Content-Length: 5'));
    const first = await read('e.warc', wrong);
    expect(first.urls).toEqual(URLS.slice(1));
    expect(first.offsets).toEqual([0]);
    const cut = warcGz(PAGES).subarray(0, -30);
    const second = await read('f.warc.gz', cut);
    expect(second.urls).toEqual(URLS.slice(0, -1));
    expect(second.errors[0]).toContain('the file ends inside it');
  });

  it('continues after garbage between records, and after a whole-file gzip breaks off', async () => {
    const [a, b, ...others] = PAGES.map(warcRecord);
    const garbage = await read('g.warc', Buffer.concat([a, Buffer.from('\x00\x01garbage\n'), b, ...others]));
    expect(garbage.errors).toHaveLength(1);
    expect([...garbage.urls].sort()).toEqual(expect.arrayContaining(URLS.slice(1)));
    const whole = gzipSync(PLAIN, { level: 0 });
    const broken = await read('h.warc.gz', whole.subarray(0, whole.length - 300));
    expect(broken.urls).toEqual(URLS.slice(0, -1));
    expect(broken.errors[0]).toContain('byte ');
  });

  it('refuses files that are not archives', async () => {
    await expect(read('i.warc', Buffer.from('hello'))).rejects.toMatchObject({ code: 'not-an-archive' });
    await expect(readWarc(join(folder, 'missing.warc')).next()).rejects.toMatchObject({
      code: 'file-not-found',
    });
    const zstd = Buffer.from([0x5d, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
    await expect(read('j.warc.zst', zstd)).rejects.toMatchObject({ code: 'zstd-missing' });
  });
});

describe('parseHttpResponse()', () => {
  const body = 'hello '.repeat(20);
  const message = (headers: string, bytes: Uint8Array | string) =>
    Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`), Buffer.from(bytes)]);
  const bodyOf = (headers: string, bytes: Uint8Array | string) =>
    Buffer.from(parseHttpResponse(message(headers, bytes), 1e6).body).toString();

  it('undoes chunks and content codings', () => {
    expect(bodyOf('Transfer-Encoding: chunked', `6\r\nhello \r\n5;x=1\r\nworld\r\n0\r\n\r\n`)).toBe(
      'hello world',
    );
    expect(bodyOf('Content-Encoding: gzip', gzipSync(body))).toBe(body);
    expect(bodyOf('Content-Encoding: br', brotliCompressSync(body))).toBe(body);
    expect(bodyOf('Content-Encoding: deflate', deflateSync(body))).toBe(body);
  });

  it('returns a body as it is where a header does not fit it', () => {
    expect(bodyOf('Transfer-Encoding: chunked', body)).toBe(body);
    expect(bodyOf('Content-Encoding: gzip', body)).toBe(body);
    expect(parseHttpResponse(Buffer.from('no response'), 1e6)).toMatchObject({ status: 0 });
  });
});
