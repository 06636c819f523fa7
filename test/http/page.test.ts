import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { afterAll, describe, expect, it } from 'vitest';
import type { AppEnv } from '../../src/server/context.ts';
import { servePage } from '../../src/server/page.ts';
import { readPageFiles } from '../../src/server/page-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'dots-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'assets'));
const script = 'console.log("a page");\n'.repeat(100);
writeFileSync(join(folder, 'index.html'), '<!doctype html>');
writeFileSync(join(folder, 'assets/index-0123abcd.js'), script);
writeFileSync(join(folder, 'assets/index-0123abcd.js.br'), brotliCompressSync(script));
writeFileSync(join(folder, 'assets/index-0123abcd.js.gz'), gzipSync(script));

const app = new Hono<AppEnv>()
  .use((c, next) => {
    c.set('record', {} as AppEnv['Variables']['record']);
    return next();
  })
  .get('*', servePage(readPageFiles(folder)));
const get = async (accepted?: string, more: Record<string, string> = {}): Promise<Response> =>
  app.request('/assets/index-0123abcd.js', {
    headers: { ...(accepted !== undefined && { 'accept-encoding': accepted }), ...more },
  });

describe('files of the page', () => {
  it.each([
    [undefined, null],
    ['', null],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip', 'gzip'],
    ['GZIP;q=0.5', 'gzip'],
    ['br;q=0.5, gzip;q=0.8', 'gzip'],
    ['br;q=0, gzip;q=0', null],
    ['br;q=0, *', 'gzip'],
    ['*', 'br'],
    ['identity', null],
    ['identity, br;q=0.5', null],
    ['zstd', null],
    ['br;q=nonsense', null],
  ])('a client that accepts %j gets %j', async (accepted, encoding) => {
    const response = await get(accepted);
    expect(response.headers.get('content-encoding')).toBe(encoding);
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(response.headers.get('vary')).toBe('accept-encoding');
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(response.headers.get('content-length')).toBe(String(bytes.length));
    const text =
      encoding === 'br' ? brotliDecompressSync(bytes) : encoding === 'gzip' ? gunzipSync(bytes) : bytes;
    expect(new TextDecoder().decode(text)).toBe(script);
  });

  it('each encoding has a tag of its own, and a client that has it gets 304 without a body', async () => {
    const tags = await Promise.all(
      ['', 'gzip', 'br'].map(async (name) => (await get(name)).headers.get('etag') ?? ''),
    );
    expect(new Set(tags).size).toBe(3);
    const again = await get('br', { 'if-none-match': `"other", W/${tags[2]}` });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
    expect(again.headers.get('etag')).toBe(tags[2]);
    expect(again.headers.get('vary')).toBe('accept-encoding');
    expect(again.headers.get('cache-control')).toContain('immutable');
    expect((await get('gzip', { 'if-none-match': tags[2] })).status).toBe(200);
  });

  it('a file without compressed content is sent as it is, and compressed content has no address of its own', async () => {
    const index = await app.request('/', { headers: { 'accept-encoding': 'br' } });
    expect(index.headers.get('content-encoding')).toBeNull();
    expect(index.headers.get('cache-control')).toBe('no-cache');
    expect(await index.text()).toBe('<!doctype html>');
    expect((await app.request('/assets/index-0123abcd.js.br')).status).toBe(404);
  });
});
