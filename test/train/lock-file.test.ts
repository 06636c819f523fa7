import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ResourceError } from '../../src/core/errors.ts';
import { RunFolder } from '../../src/train/run-folder.ts';
import { runCli } from '../cli/run-cli.ts';
import { toyFolder } from './toy.ts';

const HELD = { name: 'ResourceError', code: 'run-in-use' };

async function writeLock(folder: RunFolder, holder: Record<string, unknown>): Promise<string> {
  const path = join(folder.path, 'lock.json');
  await writeFile(path, JSON.stringify({ host: hostname(), since: 'then', ...holder }));
  return path;
}

async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.on('exit', resolve));
  return child.pid as number;
}

describe('RunFolder.lock()', () => {
  it('keeps a second run out before it touches anything, and lets it in once the first has ended', async () => {
    const folder = await toyFolder();
    const lock = await folder.lock();
    const partial = join(folder.path, 'checkpoints', 'step-00000005.partial');
    await mkdir(partial);
    await expect(folder.lock()).rejects.toMatchObject({
      ...HELD,
      message: expect.stringContaining(`process ${process.pid} on ${hostname()}`),
    });
    expect((await stat(partial)).isDirectory()).toBe(true);
    await lock.close();
    expect(await readdir(folder.path)).toEqual(['checkpoints']);
    const next = await folder.lock();
    // Only who has the lock knows that nobody is writing it.
    expect(await readdir(join(folder.path, 'checkpoints'))).toEqual([]);
    await next.close();
  });

  it('a lock whose holder was killed is taken over, by one of many that try', async () => {
    const folder = await toyFolder();
    await writeLock(folder, { pid: await endedProcess(), processStart: '1' });
    const tries = await Promise.allSettled([folder.lock(), folder.lock(), folder.lock()]);
    const locks = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(locks).toHaveLength(1);
    await locks[0].close();
    expect(await readdir(folder.path)).toEqual(['checkpoints']);
  });

  it.skipIf(process.platform === 'win32')('a process id that came again is another process', async () => {
    const folder = await toyFolder();
    await writeLock(folder, { pid: process.pid, processStart: 'another time' });
    await (await folder.lock()).close();
  });

  it('a holder on another machine counts while it refreshes its lock', async () => {
    const folder = await toyFolder();
    const path = await writeLock(folder, { pid: 1, host: 'elsewhere', processStart: '1' });
    await expect(folder.lock()).rejects.toMatchObject(HELD);
    const old = new Date(Date.now() - 600_000);
    await utimes(path, old, old);
    await (await folder.lock()).close();
  });

  it('half a lock, as a full disk leaves it, holds nobody', async () => {
    const folder = await toyFolder();
    await writeFile(join(folder.path, 'lock.json'), '{"pid":');
    await (await folder.lock()).close();
  });

  it('`dots train` and `dots sft` refuse a folder that is in use, with and without --resume', async () => {
    const base = await mkdtemp(join(tmpdir(), 'dots-lock-'));
    const folder = await RunFolder.open(join(base, 'run'));
    const lock = await folder.lock();
    const before = await readFile(join(folder.path, 'lock.json'), 'utf8');
    const run = {
      out: 'run',
      initFrom: 'mini',
      tokens: 64,
      data: { mix: [{ chat: [{ files: ['a.jsonl'] }] }], sequenceLength: 32 },
    };
    await writeFile(join(base, 'run.json'), JSON.stringify(run));
    for (const args of [['train'], ['train', '--resume'], ['sft'], ['sft', '--resume']]) {
      const { code, stderr } = await runCli([args[0], join(base, 'run.json'), ...args.slice(1)]);
      expect([code, stderr]).toEqual([1, expect.stringContaining('has been training there since')]);
    }
    expect(await readFile(join(folder.path, 'lock.json'), 'utf8')).toBe(before);
    await lock.close();
  });
});

describe('RunFolder', () => {
  it.runIf(process.platform === 'linux')(
    'a folder that cannot be made is an error, not an endless loop',
    async () => {
      await expect(RunFolder.open('/proc/nope/run')).rejects.toThrow(ResourceError);
    },
  );

  it('a folder that is gone is an error with a hint, whatever is done to it', async () => {
    const folder = RunFolder.at('/nowhere/run');
    const step = join(folder.path, 'checkpoints', 'step-00000001');
    for (const action of [
      () => folder.lock(),
      () => folder.checkpoints(),
      () => folder.removeCheckpoint(step),
      () => folder.log({ type: 'step', step: 1 }),
      () => folder.cutLog(1),
    ])
      await expect(action()).rejects.toThrow(ResourceError);
  });
});
