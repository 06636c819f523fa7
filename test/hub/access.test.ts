import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheFolderOf, readHubSettings } from '../../src/hub/environment.ts';
import { parseHubName } from '../../src/hub/name.ts';
import { proxyFor } from '../../src/hub/proxy.ts';
import { pullModel, resolveHubModel } from '../../src/hub/pull.ts';
import { FakeHub, type FakeRepository, someBytes, TOKEN } from './fake-hub.ts';

const home = mkdtempSync(join(tmpdir(), 'dots-hub-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const BYTES = someBytes(5000);
const REPOSITORIES: Readonly<Record<string, FakeRepository>> = {
  'maker/model-GGUF': {
    files: {
      'model-Q4_K_M.gguf': BYTES,
      'model-Q8_0.gguf': someBytes(9000),
      'UD-Q2_K_XL/model-UD-Q2_K_XL-00001-of-00002.gguf': BYTES,
      'UD-Q2_K_XL/model-UD-Q2_K_XL-00002-of-00002.gguf': BYTES,
      'half-Q6_K-00001-of-00003.gguf': BYTES,
    },
    branches: { experimental: 'f'.repeat(40) },
  },
  'maker/gated': { isGated: true, files: { 'model-Q4_0.gguf': BYTES } },
  'maker/secret': { isPrivate: true, files: { 'model-Q4_0.gguf': BYTES } },
  'maker/pictures': { files: { 'a.png': BYTES } },
};
const TUNING = { firstWaitMs: 1, maxWaitMs: 2, stallMs: 300 };

function pull(hub: FakeHub, name: string, env: Record<string, string> = {}, memoryBytes?: number) {
  return pullModel(name, {
    env: { HF_HOME: home, HF_ENDPOINT: hub.endpoint, ...env },
    tuning: TUNING,
    memoryBytes,
  });
}

describe('a name that does not exist', () => {
  it.each([
    ['hf:maker/modle-GGUF', 'no-such-repository', /did you mean hf:maker\/model-GGUF\?/],
    ['hf:somebody/model-GGUF', 'no-such-repository', /did you mean hf:maker\/model-GGUF\?/],
    ['hf:maker/entirely-different', 'no-such-repository', /^if it is private, set HF_TOKEN/],
    [
      'hf:maker/model-GGUF@experimentel:Q8_0',
      'no-such-revision',
      /did you mean hf:maker\/model-GGUF@experimental:Q8_0\?/,
    ],
    ['hf:maker/model-GGUF@zzz', 'no-such-revision', /it has main, experimental/],
    ['hf:maker/model-GGUF:Q4_K_N', 'no-such-quant', /did you mean hf:maker\/model-GGUF:Q4_K_M\?/],
    ['hf:maker/model-GGUF:Q6_K', 'missing-shards', /choose another/],
    ['hf:maker/pictures', 'no-model-files', /GGUF in its name/],
  ])('%s gives %s with what may be meant', async (name, code, hint) => {
    await using hub = await FakeHub.start(REPOSITORIES);
    await expect(pull(hub, name)).rejects.toMatchObject({ code, hint: expect.stringMatching(hint) });
  });

  it('without a quant lists what there is, and proposes the largest that fits into memory', async () => {
    await using hub = await FakeHub.start(REPOSITORIES);
    await expect(pull(hub, 'maker/model-GGUF', {}, 9000)).rejects.toMatchObject({
      code: 'several-quants',
      message: expect.stringMatching(/UD-Q2_K_XL \(10.0 kB\), Q8_0 \(9.00 kB\), Q4_K_M \(5.00 kB\)/),
      hint: expect.stringMatching(/hf:maker\/model-GGUF:Q8_0, the largest that fits/),
    });
    await expect(pull(hub, 'maker/model-GGUF', {}, 10)).rejects.toThrow('names 3 models');
  });

  it.each([
    'model',
    'a/b/c',
    'a/b@',
    'a/b:',
    '../b',
    'a/..',
    'a--b/c',
    'a/b@../../x',
    'a/b:\u0007',
    'https://h.co/a/b',
    'a/b@x/../y',
    '',
  ])('%j is refused before anything is requested', (name) => {
    expect(() => parseHubName(name)).toThrow(expect.objectContaining({ code: 'bad-hub-name' }));
  });
});

describe('access', () => {
  it('a gated repository without a token says where to accept its conditions', async () => {
    await using hub = await FakeHub.start(REPOSITORIES);
    await expect(pull(hub, 'maker/gated')).rejects.toMatchObject({
      code: 'hub-access',
      hint: expect.stringMatching(/accept its conditions at .*\/maker\/gated, and set HF_TOKEN/),
    });
    expect((await pull(hub, 'maker/gated', { HF_TOKEN: TOKEN })).files.length).toBe(1);
  });

  it('a private repository looks like one that does not exist, and opens with the token of the file', async () => {
    await using hub = await FakeHub.start(REPOSITORIES);
    await expect(pull(hub, 'maker/secret')).rejects.toMatchObject({ code: 'no-such-repository' });
    const path = join(home, 'token-of-test');
    writeFileSync(path, `${TOKEN}\n`);
    expect((await pull(hub, 'maker/secret', { HF_TOKEN_PATH: path })).files.length).toBe(1);
    await expect(pull(hub, 'maker/secret', { HF_TOKEN: 'a b\nX-Header: 1' })).rejects.toMatchObject({
      code: 'bad-token',
    });
  });

  it('offline uses what is there and requests nothing', async () => {
    await using hub = await FakeHub.start(REPOSITORIES);
    const env = { HF_HOME: join(home, 'offline'), HF_ENDPOINT: hub.endpoint };
    const offline = { env: { ...env, HF_HUB_OFFLINE: '1' } };
    await expect(resolveHubModel('hf:maker/model-GGUF:Q8_0', offline)).rejects.toMatchObject({
      code: 'offline',
    });
    await expect(pullModel('hf:maker/model-GGUF:Q8_0', { env, isOffline: true })).rejects.toMatchObject({
      code: 'offline',
    });
    expect(hub.seen).toEqual([]);
    const { path } = await pullModel('hf:maker/model-GGUF:Q8_0', { env });
    expect(await resolveHubModel('hf:maker/model-GGUF:Q8_0', offline)).toBe(path);
    expect(await resolveHubModel('hf:maker/model-GGUF', offline)).toBe(path);
  });

  it('no redirect takes the token elsewhere', async () => {
    await using hub = await FakeHub.start(REPOSITORIES);
    await using other = await FakeHub.start(REPOSITORIES);
    hub.redirectTo = other.endpoint.replace('127.0.0.1', 'localhost');
    const env = { HF_TOKEN: TOKEN, HF_HOME: join(home, 'elsewhere') };
    await pull(hub, 'maker/model-GGUF:Q8_0', env).catch(() => undefined);
    expect(other.seen.length).toBeGreaterThan(0);
    expect(other.seen.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });
});

describe('hostile listings', () => {
  const entry = (path: unknown, more: object = {}) => ({
    type: 'file',
    path,
    size: 5,
    oid: 'a'.repeat(40),
    ...more,
  });
  it.each([
    ['a path out of the folder', [entry('../../x.gguf')], 'bad-hub-answer'],
    ['an absolute path', [entry('/etc/x.gguf')], 'bad-hub-answer'],
    ['a path of Windows', [entry('C:\\x.gguf')], 'bad-hub-answer'],
    ['a device of Windows', [entry('con.gguf')], 'bad-hub-answer'],
    ['a control character', [entry('a\u0000.gguf')], 'bad-hub-answer'],
    ['an id that is a path', [entry('x.gguf', { oid: '../../x' })], 'bad-hub-answer'],
    ['a hash that is not one', [entry('x.gguf', { lfs: { oid: '../x', size: 5 } })], 'bad-hub-answer'],
    ['a size below zero', [entry('x.gguf', { size: -1 })], 'bad-hub-answer'],
    ['a size that is a text', [entry('x.gguf', { size: '5' })], 'bad-hub-answer'],
    ['null in place of a file', [null], 'no-model-files'],
    ['no list', { files: [] }, 'bad-hub-answer'],
    ['a name with a question mark among others', [entry('what?.md')], 'no-model-files'],
  ])('%s is refused', async (_, body, code) => {
    await using hub = await FakeHub.start(REPOSITORIES);
    hub.api = (path) => (path.includes('/tree/') ? { status: 200, body } : undefined);
    await expect(pull(hub, 'maker/model-GGUF')).rejects.toMatchObject({ code });
  });

  it('a commit that is a path is refused', async () => {
    await using hub = await FakeHub.start(REPOSITORIES);
    hub.api = (path) =>
      path.includes('/revision/') ? { status: 200, body: { sha: '../../..' } } : undefined;
    await expect(pull(hub, 'maker/model-GGUF')).rejects.toMatchObject({ code: 'bad-hub-answer' });
  });

  it('pages of a listing are followed on the hub itself, whatever host they name', async () => {
    await using hub = await FakeHub.start(REPOSITORIES);
    hub.pageSize = 2;
    const env = { HF_HOME: join(home, 'pages') };
    expect((await pull(hub, 'maker/model-GGUF:UD-Q2_K_XL', env)).files.length).toBe(2);
  });

  it('a web page in place of JSON, and an endless list of pages, are refused', async () => {
    await using hub = await FakeHub.start(REPOSITORIES);
    hub.api = (path) =>
      path.includes('/tree/')
        ? { status: 200, body: [], headers: { link: '</api/models/a/b/tree/x?cursor=1>; rel="next"' } }
        : undefined;
    await expect(pull(hub, 'maker/model-GGUF')).rejects.toMatchObject({ code: 'bad-hub-answer' });
  });
});

describe('the environment', () => {
  it.each([
    [{ HF_HUB_CACHE: '/a', HF_HOME: '/b' }, '/a'],
    [{ HF_HOME: '/b', XDG_CACHE_HOME: '/c' }, '/b/hub'],
    [{ XDG_CACHE_HOME: '/c' }, '/c/huggingface/hub'],
  ])('%j puts the cache where the tools of the hub put it', (env, folder) => {
    expect(cacheFolderOf(env)).toBe(folder);
  });

  it('an endpoint that is not an address is refused', async () => {
    await expect(readHubSettings({ HF_ENDPOINT: 'huggingface' })).rejects.toMatchObject({
      code: 'bad-endpoint',
    });
  });

  const proxied = (url: string, env: Record<string, string>) => proxyFor(new URL(url), env)?.href;
  it.each([
    ['https://hub.example/a', { HTTPS_PROXY: 'http://p:1' }, 'http://p:1/'],
    ['https://hub.example/a', { https_proxy: 'p:1' }, 'http://p:1/'],
    ['http://hub.example/a', { HTTPS_PROXY: 'http://p:1' }, undefined],
    ['https://hub.example/a', { ALL_PROXY: 'http://p:1' }, 'http://p:1/'],
    ['https://hub.example/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'other.example, .example' }, undefined],
    ['https://hub.example/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'ub.example' }, 'http://p:1/'],
    ['https://hub.example:8443/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'hub.example:443' }, 'http://p:1/'],
    ['https://[::1]/a', { HTTPS_PROXY: 'http://p:1', no_proxy: '::1' }, undefined],
    ['https://hub.example/a', { HTTPS_PROXY: 'http://p:1', NO_PROXY: '*' }, undefined],
  ])('%s with %j goes through %s', (url, env, expected) => {
    expect(proxied(url, env)).toBe(expected);
  });

  it('a proxy that is not one over HTTP is refused', () => {
    expect(() => proxied('https://h.example', { HTTPS_PROXY: 'socks5://p:1' })).toThrow(
      /proxy in HTTPS_PROXY/,
    );
  });

  it('requests go through a proxy with the user of its address', async () => {
    await using hub = await FakeHub.start(REPOSITORIES);
    const seen: string[] = [];
    const proxy = createServer((request, response) => {
      seen.push(`${request.headers['proxy-authorization']}`);
      const target = new URL(request.url ?? '');
      const socket = connect(Number(target.port), target.hostname, () => {
        const { 'proxy-authorization': _, ...headers } = request.headers;
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
        socket.write(
          `GET ${target.pathname}${target.search} HTTP/1.1\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`,
        );
      });
      socket.pipe(response.socket as NodeJS.WritableStream);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const HTTP_PROXY = `http://user:pa%20ss@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      await pull(hub, 'maker/model-GGUF:Q8_0', { HTTP_PROXY, HF_HOME: join(home, 'proxied') });
      expect(new Set(seen)).toEqual(new Set([`Basic ${Buffer.from('user:pa ss').toString('base64')}`]));
      expect(seen.length).toBeGreaterThan(2);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});
