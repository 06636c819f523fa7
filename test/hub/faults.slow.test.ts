import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { DotsError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { partialBytes } from '../../src/hub/blob.ts';
import { type HubOptions, pullModel } from '../../src/hub/pull.ts';
import { FakeHub, type FaultKind, someBytes } from './fake-hub.ts';

const root = mkdtempSync(join(tmpdir(), 'dots-faults-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const KINDS: readonly FaultKind[] = [
  'cut',
  'reset',
  'stall',
  'silent',
  'wrong-range',
  'wrong-bytes',
  '416',
  '429',
  '500',
  '503',
  'expired',
  'etag',
  'whole',
  'short-length',
  'long-length',
  'gzip',
  'extra',
  'fewer',
  'resized',
];
const CLEAR = ['hub-unreachable', 'hash-mismatch', 'hub-file-changed'];

/** Every file under a final name has the bytes that its name promises. */
function wrongBlobs(home: string, files: ReadonlyMap<string, Uint8Array>): string[] {
  const blobs = join(home, 'hub', 'models--maker--model', 'blobs');
  if (!existsSync(blobs)) return [];
  const names = readdirSync(blobs, { encoding: 'utf8' }).filter((name) => !name.includes('.dots-partial'));
  return names.filter(
    (name) => ![...files.values()].some((bytes) => readFileSync(join(blobs, name)).equals(bytes)),
  );
}

/** One model of two shards, downloaded under random faults in several attempts, then without faults. */
async function runOnce(seed: number): Promise<{ attempts: number; codes: string[] }> {
  const random = new Random(seed);
  const home = join(root, String(seed));
  const files = new Map(
    [1, 2].map((i) => [`m-Q4_0-0000${i}-of-00002.gguf`, someBytes(1 + random.below(150_000), seed * 2 + i)]),
  );
  await using hub = await FakeHub.start({ 'maker/model': { files: Object.fromEntries(files) } });
  const rate = random.uniform() * 0.5;
  const kinds = [...KINDS].filter(() => random.uniform() < 0.5);
  const codes: string[] = [];
  for (let attempt = 0; attempt < 7; attempt++) {
    // Two without faults: the first may find that an earlier attempt has left wrong bytes, and deletes them.
    const isClean = attempt >= 5;
    const controller = new AbortController();
    const stopAfter = random.uniform() < 0.2 ? random.below(10) : Number.POSITIVE_INFINITY;
    hub.fault = (_, count) => {
      if (isClean) return undefined;
      if (count >= stopAfter) controller.abort(new Error('interrupted'));
      return random.uniform() < rate ? kinds[random.below(kinds.length)] : undefined;
    };
    const options: HubOptions = {
      env: { HF_HOME: home, HF_ENDPOINT: hub.endpoint },
      signal: controller.signal,
      tuning: {
        rangeBytes: 5_000 + random.below(40_000),
        connections: 1 + random.below(8),
        // On a busy machine the hub itself may be slower than this.
        stallMs: isClean ? 20_000 : 60,
        firstWaitMs: 1,
        maxWaitMs: 4,
        maxAttempts: 3 + random.below(4),
      },
    };
    try {
      const { path } = await pullModel('maker/model:Q4_0', options);
      for (const [name, bytes] of files)
        expect(readFileSync(join(path, '..', name)).equals(bytes)).toBe(true);
      return { attempts: attempt + 1, codes };
    } catch (error) {
      if (attempt === 6 || (isClean && (error as DotsError).code !== 'hash-mismatch')) throw error;
      if (error instanceof DotsError) expect(CLEAR).toContain(error.code);
      else expect(error).toMatchObject({ message: 'interrupted' });
      codes.push(error instanceof DotsError ? error.code : 'interrupted');
      expect(wrongBlobs(home, files)).toEqual([]);
    }
  }
  throw new Error('the last attempt returns or throws');
}

it('200 downloads with random faults end with the right bytes, or a clear error and what continues', async () => {
  const results: Awaited<ReturnType<typeof runOnce>>[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < 200) results.push(await runOnce(next++));
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  const codes = results.flatMap((result) => result.codes);
  // The faults did happen, and each kind of end was seen.
  expect(new Set(codes)).toEqual(new Set([...CLEAR, 'interrupted']));
  expect(results.filter(({ attempts }) => attempts > 1).length).toBeGreaterThan(40);
});

const PULL = fileURLToPath(new URL('../../dist/hub/pull.js', import.meta.url));
const RANGE_BYTES = 4 * 1024 * 1024;

it('a killed download loses less than one range, and continues', async () => {
  const bytes = someBytes(6 * RANGE_BYTES + 12_345, 7);
  await using hub = await FakeHub.start({ 'maker/model': { files: { 'm-Q4_0.gguf': bytes } } });
  const home = join(root, 'killed');
  const tuning = { rangeBytes: RANGE_BYTES, connections: 4 };
  const env = { HF_HOME: home, HF_ENDPOINT: hub.endpoint };
  const blobs = join(home, 'hub', 'models--maker--model', 'blobs');
  const program = `
    const { pullModel } = await import(${JSON.stringify(PULL)});
    let last = 0;
    await pullModel('maker/model', { env: ${JSON.stringify(env)}, tuning: ${JSON.stringify(tuning)},
      onProgress: (done) => { if (done - last > 3e6) { last = done; process.send(done); } } });`;
  let kills = 0;
  for (let stop = 5_000_000; stop < bytes.length; stop += 9_000_000) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', (done) => {
      if ((done as number) > stop) child.kill('SIGKILL');
    });
    const signal = await new Promise((resolve) => child.on('exit', (_, name) => resolve(name)));
    if (signal !== 'SIGKILL') break;
    kills++;
    const partial = readdirSync(blobs).find((name) => name.endsWith('.dots-partial')) as string;
    const written = readFileSync(join(blobs, partial));
    let writtenBytes = 0;
    for (let at = 0; at < bytes.length; at += 4096)
      if (written.subarray(at, at + 4096).equals(bytes.subarray(at, at + 4096))) writtenBytes += 4096;
    const recorded = await partialBytes(join(blobs, partial.replace('.dots-partial', '')), bytes.length);
    expect(writtenBytes - recorded).toBeLessThan(RANGE_BYTES);
    expect(recorded).toBeGreaterThan(0);
  }
  expect(kills).toBeGreaterThan(0);
  const before = hub.seen.length;
  const { path } = await pullModel('maker/model', { env, tuning });
  expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(hub.seen.slice(before).filter(({ host }) => host === 'cdn').length).toBeLessThan(7);
});
