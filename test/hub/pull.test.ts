import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HubOptions, pullModel, resolveHubModel } from '../../src/hub/pull.ts';
import { COMMIT, type FakeFile, FakeHub, type FaultKind, someBytes, TOKEN } from './fake-hub.ts';

const MODEL = someBytes(300_000);
const CONFIG: FakeFile = { bytes: new TextEncoder().encode('{"model_type":"x"}'), isPlain: true };
const TUNING = { rangeBytes: 40_000, connections: 4, stallMs: 200, firstWaitMs: 1, maxWaitMs: 5 };

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'dots-hub-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function options(
  hub: FakeHub,
  more: Partial<HubOptions> & { env?: Record<string, string> } = {},
): HubOptions {
  return { tuning: TUNING, ...more, env: { HF_HOME: home, HF_ENDPOINT: hub.endpoint, ...more.env } };
}

const repository = (): string => join(home, 'hub', 'models--maker--model');

/** No file under a final name has other bytes than the hub's. */
function expectNothingWrong(bytes: Uint8Array): void {
  const blobs = join(repository(), 'blobs');
  for (const name of readdirSync(blobs).filter((blob) => /^[0-9a-f]{64}$/.test(blob)))
    expect(readFileSync(join(blobs, name)).equals(bytes)).toBe(true);
}

async function startHub(files: Record<string, FakeFile | Uint8Array> = { 'model-Q4_K_M.gguf': MODEL }) {
  return await FakeHub.start({ 'maker/model': { files } });
}

describe('pullModel()', () => {
  it('leaves the layout that the tools of the hub read and write', async () => {
    await using hub = await startHub({ 'sub/model-Q4_K_M.gguf': MODEL, 'README.md': CONFIG });
    const { path, commit, files } = await pullModel('hf:maker/model:Q4_K_M', options(hub));
    expect(commit).toBe(COMMIT);
    expect(path).toBe(join(repository(), 'snapshots', COMMIT, 'sub', 'model-Q4_K_M.gguf'));
    expect(readFileSync(path).equals(MODEL)).toBe(true);
    expect(readlinkSync(path)).toBe(`../../../blobs/${files[0].sha256}`);
    expect(readFileSync(join(repository(), 'refs', 'main'), 'utf8')).toBe(COMMIT);
    expect(readdirSync(join(repository(), 'blobs'))).toEqual([files[0].sha256]);
    expect(files).toMatchObject([{ path: 'sub/model-Q4_K_M.gguf', check: 'sha256', wasCached: false }]);
  });

  it('downloads ranges in parallel, each once, from the download host, which never sees the token', async () => {
    await using hub = await startHub();
    await pullModel('maker/model', options(hub, { env: { HF_TOKEN: TOKEN } }));
    const fromCdn = hub.seen.filter(({ host }) => host === 'cdn');
    expect(fromCdn.map(({ range }) => range).sort()).toEqual(
      Array.from(
        { length: 8 },
        (_, i) => `bytes=${i * 40_000}-${Math.min(299_999, i * 40_000 + 39_999)}`,
      ).sort(),
    );
    expect(fromCdn.some(({ authorization }) => authorization !== undefined)).toBe(false);
    expect(
      hub.seen
        .filter(({ host }) => host === 'hub')
        .every(({ authorization }) => authorization === `Bearer ${TOKEN}`),
    ).toBe(true);
  });

  it('finds what is there: no content is requested a second time, nor for a link that was lost', async () => {
    await using hub = await startHub();
    const { path } = await pullModel('maker/model', options(hub));
    rmSync(path);
    const before = hub.seen.length;
    expect((await pullModel('maker/model', options(hub))).files[0].wasCached).toBe(true);
    expect(hub.seen.slice(before).every(({ path: requested }) => requested.startsWith('/api/'))).toBe(true);
    expect(readFileSync(path).equals(MODEL)).toBe(true);
    const seen = hub.seen.length;
    expect(await resolveHubModel('hf:maker/model', options(hub))).toBe(path);
    expect(hub.seen.length).toBe(seen);
  });

  it('downloads a set of shards as one model, and a folder of safetensors with its small files', async () => {
    const [a, b] = [someBytes(1000, 2), someBytes(90_000, 3)];
    await using hub = await startHub({
      'q/m-Q2_K-00001-of-00002.gguf': a,
      'q/m-Q2_K-00002-of-00002.gguf': b,
      'mmproj-m.gguf': a,
      'config.json': CONFIG,
      'model.safetensors': b,
      'consolidated.safetensors': a,
      'image.png': a,
    });
    const shards = await pullModel('maker/model:q2_k', options(hub));
    expect(shards.files.map(({ path }) => path)).toEqual([
      'q/m-Q2_K-00001-of-00002.gguf',
      'q/m-Q2_K-00002-of-00002.gguf',
    ]);
    const folder = await pullModel('maker/model:safetensors', options(hub));
    expect(readdirSync(folder.path).sort()).toEqual(['config.json', 'model.safetensors', 'q']);
    expect(folder.files.map(({ check }) => check)).toEqual(['git-sha1', 'sha256']);
  });

  const TRANSIENT: readonly FaultKind[] = [
    'cut',
    'reset',
    'stall',
    'silent',
    'wrong-range',
    '416',
    '429',
    '500',
    '503',
    'expired',
    'short-length',
    'long-length',
    'gzip',
    'extra',
    'fewer',
  ];
  it.each(TRANSIENT)('ends with the right bytes when every third answer is %s', async (kind) => {
    await using hub = await startHub();
    hub.fault = (_, count) => (count % 3 === 1 ? kind : undefined);
    const { path } = await pullModel('maker/model', options(hub));
    expect(readFileSync(path).equals(MODEL)).toBe(true);
  });

  it.each(TRANSIENT)(
    'gives up with a clear error when every answer is %s, and continues later',
    async (kind) => {
      await using hub = await startHub();
      hub.fault = (_, count) => (count >= 3 ? kind : undefined);
      const error = await pullModel(
        'maker/model',
        options(hub, { tuning: { ...TUNING, stallMs: 40 } }),
      ).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'hub-unreachable', hint: expect.stringContaining('is kept') });
      expectNothingWrong(MODEL);
      hub.fault = () => undefined;
      const before = hub.seen.length;
      const { path } = await pullModel('maker/model', options(hub));
      expect(readFileSync(path).equals(MODEL)).toBe(true);
      const again = hub.seen.slice(before).filter(({ host }) => host === 'cdn');
      expect(again.length).toBeLessThanOrEqual(6);
    },
  );

  it('asks the hub for a new address when the signature has expired', async () => {
    await using hub = await startHub();
    hub.fault = (_, count) => {
      if (count === 3) hub.expireSignatures();
      return undefined;
    };
    const { path } = await pullModel('maker/model', options(hub));
    expect(readFileSync(path).equals(MODEL)).toBe(true);
    expect(hub.seen.filter(({ path: seen }) => seen.includes('/resolve/')).length).toBeGreaterThan(1);
  });

  it('deletes content with the wrong hash, and says what was expected', async () => {
    await using hub = await startHub();
    hub.fault = (_, count) => (count === 4 ? 'wrong-bytes' : undefined);
    await expect(pullModel('maker/model', options(hub))).rejects.toMatchObject({ code: 'hash-mismatch' });
    expect(readdirSync(join(repository(), 'blobs'))).toEqual([]);
    expect((await pullModel('maker/model', options(hub))).files[0].wasCached).toBe(false);
    expectNothingWrong(MODEL);
  });

  it.each(['etag', 'resized'] as const)(
    'refuses to mix two files when the %s changes between ranges',
    async (kind) => {
      await using hub = await startHub();
      hub.fault = (_, count) => (count >= 4 ? kind : undefined);
      await expect(pullModel('maker/model', options(hub))).rejects.toMatchObject({
        code: 'hub-file-changed',
      });
      expectNothingWrong(MODEL);
      hub.fault = () => undefined;
      expect(readFileSync((await pullModel('maker/model', options(hub))).path).equals(MODEL)).toBe(true);
    },
  );

  it('says why it waits while the hub does not even answer with its list of files', async () => {
    await using hub = await startHub();
    hub.fault = (_, count) => (count === 1 ? '429' : undefined);
    const notices: string[] = [];
    const tuning = { ...TUNING, firstWaitMs: 1400, maxWaitMs: 1400 };
    await pullModel('maker/model', options(hub, { tuning, onNotice: (line) => notices.push(line) }));
    expect(notices.join()).toMatch(/; next attempt in \d+ s/);
  });

  it('reads a host without ranges in one connection, and keeps what ranges brought before', async () => {
    await using hub = await startHub();
    hub.fault = (_, count) => (count >= 3 ? 'whole' : undefined);
    const notices: string[] = [];
    const { path } = await pullModel('maker/model', options(hub, { onNotice: (line) => notices.push(line) }));
    expect(readFileSync(path).equals(MODEL)).toBe(true);
    expect(notices.join()).toContain('serves no ranges');
  });

  it('checks the size alone where there is no hash, and says so; nothing of such a file is continued', async () => {
    const file = { bytes: MODEL, isPlain: true, oid: 'unknown-id' };
    await using hub = await startHub({ 'model-F16.gguf': file });
    hub.fault = (_, count) => (count >= 2 ? '500' : undefined);
    await expect(pullModel('maker/model', options(hub))).rejects.toMatchObject({ code: 'hub-unreachable' });
    expect(readdirSync(join(repository(), 'blobs'))).toEqual([]);
    hub.fault = () => undefined;
    const pulled = await pullModel('maker/model', options(hub));
    expect(pulled.files).toMatchObject([{ check: 'size' }]);
    expect(readFileSync(pulled.path).equals(MODEL)).toBe(true);
  });

  it('stops when it is interrupted, keeps what is there and continues', async () => {
    await using hub = await startHub();
    const controller = new AbortController();
    const reason = new Error('interrupted');
    hub.fault = (_, count) => {
      if (count === 5) controller.abort(reason);
      return undefined;
    };
    await expect(pullModel('maker/model', options(hub, { signal: controller.signal }))).rejects.toBe(reason);
    hub.fault = () => undefined;
    const before = hub.seen.length;
    await pullModel('maker/model', options(hub));
    expect(hub.seen.slice(before).filter(({ host }) => host === 'cdn').length).toBeLessThan(8);
    expectNothingWrong(MODEL);
  });

  it('lets the second of two downloads wait for the first', async () => {
    await using hub = await startHub();
    const notices: string[] = [];
    const [first, second] = await Promise.all([
      pullModel('maker/model', options(hub)),
      pullModel('maker/model', options(hub, { onNotice: (line) => notices.push(line) })),
      pullModel('maker/model', options(hub, { onNotice: (line) => notices.push(line) })),
    ]);
    expect(second.path).toBe(first.path);
    expect(notices.join()).toMatch(/process \d+ on .* is downloading model-Q4_K_M.gguf; waiting for it/);
    expect(hub.seen.filter(({ host }) => host === 'cdn').length).toBe(8);
  });

  it('links by hard link or copy where symbolic links are not allowed, and finds the files then', async () => {
    await using hub = await startHub();
    for (const kind of ['hard', 'copy'] as const) {
      rmSync(home, { recursive: true });
      const { path } = await pullModel('maker/model', options(hub, { linkKinds: [kind] }));
      expect(statSync(path).nlink).toBe(kind === 'hard' ? 2 : 1);
      const seen = hub.seen.length;
      expect(await resolveHubModel('hf:maker/model', options(hub))).toBe(path);
      expect((await pullModel('maker/model', options(hub))).files[0].wasCached).toBe(true);
      expect(hub.seen.slice(seen).filter(({ host }) => host === 'cdn')).toEqual([]);
    }
  });

  it('downloads an empty file', async () => {
    await using hub = await startHub({
      'config.json': { bytes: new Uint8Array(0), isPlain: true },
      'model.safetensors': MODEL,
    });
    const { path } = await pullModel('maker/model', options(hub));
    expect(statSync(join(path, 'config.json')).size).toBe(0);
  });
});
