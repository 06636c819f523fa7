/** Over HTTPS, which needs certificates that Node reads when it starts: a process for each download. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { CERTIFICATE } from './certificate.ts';
import { FakeHub, someBytes, TOKEN } from './fake-hub.ts';

const BIN = fileURLToPath(new URL('../../bin/dots.js', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'dots-secure-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const certificate = join(root, 'certificate.pem');
writeFileSync(certificate, CERTIFICATE);

const BYTES = someBytes(200_000);
const REPOSITORIES = { 'maker/model': { isGated: true, files: { 'm-Q4_0.gguf': BYTES } } };

async function pull(
  env: Record<string, string>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { PATH } = process.env;
  const child = spawn(process.execPath, [BIN, 'pull', 'hf:maker/model'], {
    env: { ...(PATH && { PATH }), ...env },
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => {
    texts.stdout += text;
  });
  child.stderr.on('data', (text) => {
    texts.stderr += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, ...texts };
}

/** A proxy that tunnels, and what it saw: the targets, and no byte of the requests. */
async function startProxy(status = 200) {
  const seen: string[] = [];
  let bytesWithToken = 0;
  const proxy = createServer((_, response) => response.writeHead(405).end());
  proxy.on('connect', (request, socket) => {
    seen.push(`${request.url} ${request.headers['proxy-authorization']}`);
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const target = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.on('data', (data: Buffer) => {
        if (data.includes(TOKEN)) bytesWithToken++;
        target.write(data);
      });
      target.pipe(socket);
    });
    for (const end of [socket, target]) end.on('error', () => {});
    socket.on('close', () => target.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://me:secret@127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    seen,
    sawToken: () => bytesWithToken > 0,
    close: () => {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

it('a certificate of the own network counts once NODE_EXTRA_CA_CERTS names it', async () => {
  await using hub = await FakeHub.start(REPOSITORIES, { isSecure: true });
  const env = { HF_HOME: join(root, 'a'), HF_ENDPOINT: hub.endpoint, HF_TOKEN: TOKEN };
  const refused = await pull(env);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(
    /^error: Cannot connect to localhost:\d+: self.signed certificate\nhint: .*NODE_EXTRA_CA_CERTS/,
  );
  const { code, stdout, stderr } = await pull({ ...env, NODE_EXTRA_CA_CERTS: certificate });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(readFileSync(stdout.trim().split('\n')[1]).equals(BYTES)).toBe(true);
});

it('a proxy tunnels hub and download host, and sees neither requests nor token', async () => {
  await using hub = await FakeHub.start(REPOSITORIES, { isSecure: true });
  const proxy = await startProxy();
  const env = {
    HF_ENDPOINT: hub.endpoint,
    HF_TOKEN: TOKEN,
    HTTPS_PROXY: proxy.url,
    NODE_EXTRA_CA_CERTS: certificate,
  };
  const { code, stdout, stderr } = await pull({ ...env, HF_HOME: join(root, 'b') });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(readFileSync(stdout.trim().split('\n')[1]).equals(BYTES)).toBe(true);
  const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`;
  const targets = [hub.endpoint, hub.cdnOrigin].map((origin) => `${new URL(origin).host} ${authorization}`);
  expect(new Set(proxy.seen)).toEqual(new Set(targets));
  expect(proxy.sawToken()).toBe(false);
  proxy.seen.length = 0;
  expect((await pull({ ...env, HF_HOME: join(root, 'c'), NO_PROXY: 'localhost' })).code).toBe(0);
  expect(proxy.seen).toEqual([]);
  proxy.close();
});

it('a redirect from https to http is refused', async () => {
  await using hub = await FakeHub.start(REPOSITORIES, { isSecure: true });
  await using open = await FakeHub.start(REPOSITORIES);
  hub.redirectTo = open.cdnOrigin;
  const { code, stderr } = await pull({
    HF_HOME: join(root, 'd'),
    HF_ENDPOINT: hub.endpoint,
    HF_TOKEN: TOKEN,
    NODE_EXTRA_CA_CERTS: certificate,
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/redirects to http:\/\/127.0.0.1:\d+, which is not encrypted/);
  expect(open.seen).toEqual([]);
});
