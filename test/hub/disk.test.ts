import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { checkRoom } from '../../src/hub/disk.ts';
import { IntervalSet } from '../../src/hub/intervals.ts';
import { pullModel } from '../../src/hub/pull.ts';
import { readRecord } from '../../src/hub/range-record.ts';
import { FakeHub, someBytes } from './fake-hub.ts';

const root = mkdtempSync(join(tmpdir(), 'dots-disk-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const BYTES = someBytes(200_000);
let count = 0;

async function start() {
  const hub = await FakeHub.start({ 'maker/model': { files: { 'm-Q4_0.gguf': BYTES } } });
  const home = join(root, String(count++));
  const tuning = { rangeBytes: 20_000, connections: 3, firstWaitMs: 1, maxWaitMs: 2 };
  const pull = () => pullModel('maker/model', { env: { HF_HOME: home, HF_ENDPOINT: hub.endpoint }, tuning });
  return { hub, home, pull, repository: join(home, 'hub', 'models--maker--model') };
}

describe('a full disk', () => {
  it('is noticed before anything is requested', async () => {
    await expect(
      checkRoom(join(root, 'not', 'there', 'yet'), Number.MAX_SAFE_INTEGER, 'hf:a/b'),
    ).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/^Cannot download hf:a\/b: 9.01 PB are missing, and .* has .* free$/),
    });
  });

  it('ends a download in the middle, which continues once there is room', async () => {
    const { hub, pull } = await start();
    await using _ = hub;
    const file = await open(join(root, 'any'), 'w');
    const prototype = Object.getPrototypeOf(file) as typeof file;
    await file.close();
    let writes = 0;
    const { write } = prototype;
    const spy = vi.spyOn(prototype, 'write').mockImplementation(function (
      this: typeof file,
      ...given: unknown[]
    ) {
      if (++writes > 4) return Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
      return (write as (...values: unknown[]) => unknown).apply(this, given);
    } as never);
    await expect(pull()).rejects.toMatchObject({ code: 'disk-full' });
    spy.mockRestore();
    const before = hub.seen.length;
    expect(readFileSync((await pull()).path).equals(BYTES)).toBe(true);
    expect(hub.seen.slice(before).filter(({ host }) => host === 'cdn').length).toBeLessThan(10);
  });
});

describe('what else may be in the cache', () => {
  it('a link in place of the partial file is not written through', async () => {
    const { hub, pull, repository } = await start();
    await using _ = hub;
    const precious = join(root, 'precious');
    writeFileSync(precious, 'mine');
    const { path } = await pull();
    const blob = readFileSync(path) && join(repository, 'blobs', (await pull()).files[0].sha256 as string);
    rmSync(blob);
    symlinkSync(precious, `${blob}.dots-partial`);
    symlinkSync(precious, `${blob}.dots-partial.json`);
    expect(readFileSync((await pull()).path).equals(BYTES)).toBe(true);
    expect(readFileSync(precious, 'utf8')).toBe('mine');
  });

  it.each([
    ['a blob that is too short', (blob: string) => writeFileSync(blob, 'short')],
    ['a damaged side file', (blob: string) => writeFileSync(`${blob}.dots-partial.json`, '{"version":1,')],
    [
      'a side file that names bytes beyond the end',
      (blob: string) =>
        writeFileSync(`${blob}.dots-partial.json`, '{"version":1,"sizeBytes":200000,"done":[[0,999999]]}'),
    ],
    [
      'a side file without its partial file',
      (blob: string) =>
        writeFileSync(`${blob}.dots-partial.json`, '{"version":1,"sizeBytes":200000,"done":[[0,200000]]}'),
    ],
  ])('%s is replaced', async (_, damage) => {
    const { hub, pull } = await start();
    await using _hub = hub;
    const first = await pull();
    const blob = join(first.path, '..', '..', '..', 'blobs', first.files[0].sha256 as string);
    rmSync(blob);
    damage(blob);
    expect(readFileSync((await pull()).path).equals(BYTES)).toBe(true);
  });

  it('a side file that claims bytes which are not on disk leads to hash-mismatch, and the next attempt is right', async () => {
    const { hub, pull, repository } = await start();
    await using _ = hub;
    const blob = join(repository, 'blobs', (await pull()).files[0].sha256 as string);
    rmSync(blob);
    writeFileSync(`${blob}.dots-partial`, new Uint8Array(200_000));
    writeFileSync(`${blob}.dots-partial.json`, '{"version":1,"sizeBytes":200000,"done":[[0,50000]]}');
    await expect(pull()).rejects.toMatchObject({ code: 'hash-mismatch' });
    expect(readFileSync((await pull()).path).equals(BYTES)).toBe(true);
  });

  it.each(['folder', 'link that leads nowhere'])(
    'a %s in place of the lock is an error, not an endless wait',
    async (kind) => {
      const { hub, home, pull, repository } = await start();
      await using _ = hub;
      const { files } = await pull();
      rmSync(repository, { recursive: true });
      const lock = join(home, 'hub', '.locks', 'models--maker--model', `${files[0].sha256}.dots-lock`);
      if (kind === 'folder') mkdirSync(lock);
      else symlinkSync('nowhere', lock);
      await expect(pull()).rejects.toMatchObject({
        code: 'io-error',
        message: expect.stringContaining(lock),
      });
    },
  );
});

describe('IntervalSet', () => {
  it('merges what touches, and finds gaps in pieces', () => {
    const set = new IntervalSet([
      [10, 20],
      [30, 40],
      [20, 25],
      [5, 5],
    ]);
    expect(set.list()).toEqual([
      [10, 25],
      [30, 40],
    ]);
    expect(set.totalBytes).toBe(25);
    expect(set.gaps(0, 50, 8)).toEqual([
      [0, 8],
      [8, 10],
      [25, 30],
      [40, 48],
      [48, 50],
    ]);
    expect(set.gaps(12, 35)).toEqual([[25, 30]]);
    expect([set.endOfRunAt(9), set.endOfRunAt(10), set.endOfRunAt(25)]).toEqual([9, 25, 25]);
  });
});

it('readRecord() takes nothing from a record of another size or form', async () => {
  const path = join(root, 'record.json');
  for (const text of [
    '',
    'null',
    '[]',
    '{"version":2,"sizeBytes":10,"done":[]}',
    '{"version":1,"sizeBytes":10,"done":[[5,3]]}',
    '{"version":1,"sizeBytes":10,"done":[[0,1.5]]}',
  ]) {
    writeFileSync(path, text);
    expect(await readRecord(path, 10)).toBeUndefined();
  }
  writeFileSync(path, '{"version":1,"sizeBytes":10,"done":[[0,3],[2,5]]}');
  expect(await readRecord(path, 10)).toEqual({ sizeBytes: 10, done: [[0, 5]] });
  expect(await readRecord(path, 11)).toBeUndefined();
});
