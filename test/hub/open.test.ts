import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import { open } from '../../src/index.ts';
import { TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { FakeHub } from './fake-hub.ts';

const home = mkdtempSync(join(tmpdir(), 'dots-open-'));
const GGUF = readFileSync(TINY_LLAMACPP_GGUF);
let hub: FakeHub;
beforeEach(async () => {
  hub = await FakeHub.start({ 'maker/tiny': { files: { 'tiny-F32.gguf': GGUF } } });
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_ENDPOINT', hub.endpoint);
  vi.stubEnv('HF_HUB_OFFLINE', '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub[Symbol.asyncDispose]();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

it('open() downloads a model of the hub, reports how far it is, and opens it from the cache later', async () => {
  const warnings: string[] = [];
  const options = { backend: 'reference' as const, onWarning: (text: string) => warnings.push(text) };
  let last: readonly number[] = [];
  const onDownload = (doneBytes: number, totalBytes: number): void => {
    last = [doneBytes, totalBytes];
  };
  await using first = await open('hf:maker/tiny:F32', { ...options, onDownload });
  expect(last).toEqual([GGUF.length, GGUF.length]);
  expect(warnings).toEqual([expect.stringContaining('is not in the cache yet')]);
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  await using again = await open('hf:maker/tiny', options);
  expect(again.config).toEqual(first.config);
  await expect(open('hf:maker/other', options)).rejects.toMatchObject({ code: 'offline' });
  await expect(open('hf:nonsense', options)).rejects.toMatchObject({ code: 'bad-hub-name' });
});

it('open() of a model on the hub can be aborted while it downloads', async () => {
  rmSync(join(home, 'hub'), { recursive: true, force: true });
  hub.fault = () => 'silent';
  const opening = open('hf:maker/tiny@0123456789abcdef0123456789abcdef01234567', {
    signal: AbortSignal.timeout(300),
    backend: 'reference',
    onWarning: () => {},
  }).catch((error: unknown) => error);
  expect(await opening).toMatchObject({ name: 'TimeoutError' });
});
