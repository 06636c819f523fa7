import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockFile } from '../../src/format/lock-file.ts';
import { TINY_HF_FOLDER, TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';
import { COMMIT, type FakeFile, FakeHub } from '../hub/fake-hub.ts';
import { runCli, runJson } from './run-cli.ts';

const GGUF = readFileSync(TINY_LLAMACPP_GGUF);
const root = mkdtempSync(join(tmpdir(), 'dots-cli-hub-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let hub: FakeHub;
let count = 0;
beforeAll(async () => {
  const folder: Record<string, FakeFile> = {};
  for (const name of readdirSync(TINY_HF_FOLDER))
    folder[name] = {
      bytes: readFileSync(join(TINY_HF_FOLDER, name)),
      isPlain: !name.endsWith('.safetensors'),
    };
  hub = await FakeHub.start({
    'maker/tiny-GGUF': { files: { 'tiny-F32.gguf': GGUF, 'tiny-Q8_0.gguf': GGUF.subarray(0, 1000) } },
    'maker/tiny': { files: folder },
  });
});
afterAll(() => hub[Symbol.asyncDispose]());

/** Each with a cache of its own. */
function environment(): Record<string, string> {
  return { HF_HOME: join(root, String(count++)), HF_ENDPOINT: hub.endpoint };
}

const repository = (env: Record<string, string>): string =>
  join(env.HF_HOME, 'hub', 'models--maker--tiny-GGUF');

describe('dots pull', () => {
  it('prints the path of the model; a second run downloads nothing', async () => {
    const env = environment();
    const first = await runCli(['pull', 'hf:maker/tiny-GGUF:F32'], { env });
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('hf:maker/tiny-GGUF:F32: 1 file, ');
    const path = first.stdout.trim().split('\n')[1];
    expect(readFileSync(path).equals(GGUF)).toBe(true);
    expect((await runCli(['pull', 'maker/tiny-GGUF:f32'], { env })).stdout).toContain('is complete');
  });

  it('prints one JSON document', async () => {
    const found = await runJson<{ files: object[] }>(['pull', 'hf:maker/tiny'], { env: environment() });
    expect(found).toMatchObject({ name: 'hf:maker/tiny', commit: COMMIT });
    expect(found.files).toContainEqual(
      expect.objectContaining({ path: 'config.json', check: 'git-sha1', sha256: null }),
    );
  });

  it('says in a cache that may only be read why nothing can be downloaded', async () => {
    const env = environment();
    writeFileSync(env.HF_HOME, 'a file in place of the folder');
    const { code, stderr } = await runCli(['pull', 'hf:maker/tiny-GGUF:F32'], { env });
    expect(code).toBeGreaterThan(0);
    expect(stderr).toMatch(/^error: Cannot make the folder /);
  });

  it('ends with 130 on Ctrl-C and keeps what is there', async () => {
    const env = environment();
    hub.fault = () => 'stall';
    const { code } = await runCli(['pull', 'hf:maker/tiny-GGUF:F32'], { env, interruptAfterMs: 500 });
    hub.fault = () => undefined;
    expect(code).toBe(130);
    expect(readdirSync(join(repository(env), 'blobs')).some((name) => name.endsWith('.dots-partial'))).toBe(
      true,
    );
    expect((await runCli(['list'], { env })).stdout).toContain('1 unfinished');
    expect((await runCli(['pull', 'hf:maker/tiny-GGUF:F32'], { env })).code).toBe(0);
  });
});

describe('hf: names in place of MODEL', () => {
  it('run a model that is downloaded first, and later without the hub', async () => {
    const env = environment();
    const argv = [
      'run',
      'hf:maker/tiny-GGUF:F32',
      '--prompt',
      'The',
      '--max-tokens',
      '3',
      '--temperature',
      '0',
    ];
    const first = await runCli(argv, { env });
    expect(first).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('is not in the cache yet; downloading'),
    });
    const again = await runCli([...argv, '--offline'], { env });
    expect(again).toMatchObject({
      code: 0,
      stdout: first.stdout,
      stderr: expect.not.stringContaining('cache'),
    });
    const other = await runCli(['run', 'hf:maker/tiny', '--prompt', 'The', '--offline'], { env });
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('hf:maker/tiny is not in the cache'),
    });
  });

  it.each(['hf:maker/tiny-GGUF:F32', 'hf:maker/tiny'])(
    'info reads the headers of %s at the hub, and writes nothing',
    async (name) => {
      const env = environment();
      const path = name.endsWith('F32') ? TINY_LLAMACPP_GGUF : TINY_HF_FOLDER;
      const [remote, local] = await Promise.all([
        runJson<Record<string, unknown>>(['info', name, '--tensors'], { env }),
        runJson<Record<string, unknown>>(['info', path, '--tensors']),
      ]);
      const { memory: _, name: __, ...facts } = local;
      expect(remote).toMatchObject(facts);
      expect(existsSync(env.HF_HOME)).toBe(false);
    },
  );

  it('a file that is not a model is named as it is on the hub', async () => {
    const { code, stderr } = await runCli(['info', 'hf:maker/tiny-GGUF:Q8_0'], { env: environment() });
    expect(code).toBe(1);
    expect(stderr).toContain('hf:maker/tiny-GGUF/tiny-Q8_0.gguf');
  });
});

describe('dots list and dots rm', () => {
  it('list what pull has downloaded, and delete one model or all', async () => {
    const env = environment();
    expect((await runCli(['list'], { env })).stdout).toMatch(/^No models in /);
    for (const quant of ['F32', 'Q8_0']) await runCli(['pull', `hf:maker/tiny-GGUF:${quant}`], { env });
    const { stdout } = await runCli(['list'], { env });
    expect(stdout).toMatch(
      /hf:maker\/tiny-GGUF:F32 +\S+ \S+ +main\nhf:maker\/tiny-GGUF:Q8_0 +1.00 kB +main\n/,
    );
    const removed = await runJson<{ removed: object[] }>(['rm', 'hf:maker/tiny-GGUF:q8_0'], { env });
    expect(removed).toMatchObject({ removed: [{ freedBytes: 1000 }] });
    expect(readdirSync(join(repository(env), 'blobs')).length).toBe(1);
    expect((await runCli(['rm', 'hf:maker/tiny-GGUF:Q8_0'], { env })).stderr).toContain(
      'hint:  there is F32',
    );
    expect((await runCli(['rm', 'hf:maker/tinny-GGUF'], { env })).stderr).toContain(
      'did you mean hf:maker/tiny-GGUF?',
    );
    expect((await runCli(['rm', 'hf:maker/tiny-GGUF'], { env })).code).toBe(0);
    expect(existsSync(repository(env))).toBe(false);
  });

  it('keep a blob that another revision shows', async () => {
    const env = environment();
    await runCli(['pull', 'hf:maker/tiny-GGUF:F32'], { env });
    const snapshots = join(repository(env), 'snapshots');
    const [blob] = readdirSync(join(repository(env), 'blobs'));
    const old = 'a'.repeat(40);
    mkdirSync(join(snapshots, old));
    symlinkSync(`../../blobs/${blob}`, join(snapshots, old, 'tiny-F32.gguf'));
    await runCli(['rm', `hf:maker/tiny-GGUF@${old}:F32`], { env });
    expect(readdirSync(snapshots)).toEqual([COMMIT]);
    expect(readdirSync(join(repository(env), 'blobs'))).toEqual([blob]);
    await runCli(['rm', 'hf:maker/tiny-GGUF@main'], { env });
    expect(readdirSync(join(repository(env), 'blobs'))).toEqual([]);
    expect(existsSync(join(repository(env), 'refs', 'main'))).toBe(false);
  });

  it('never delete what a link leads to outside of the repository', async () => {
    const env = environment();
    const precious = join(root, 'precious.gguf');
    writeFileSync(precious, 'mine');
    await runCli(['pull', 'hf:maker/tiny-GGUF:F32'], { env });
    const snapshot = join(repository(env), 'snapshots', COMMIT);
    symlinkSync(precious, join(snapshot, 'other-Q2_K.gguf'));
    symlinkSync(root, join(snapshot, 'folder'));
    expect((await runCli(['rm', 'hf:maker/tiny-GGUF:Q2_K'], { env })).code).toBe(0);
    expect((await runCli(['rm', 'hf:maker/tiny-GGUF'], { env })).code).toBe(0);
    expect(readFileSync(precious, 'utf8')).toBe('mine');
    expect(existsSync(repository(env))).toBe(false);
  });

  it('refuse to delete what is being downloaded', async () => {
    const env = environment();
    await runCli(['pull', 'hf:maker/tiny-GGUF:F32'], { env });
    const [blob] = readdirSync(join(repository(env), 'blobs'));
    const lock = await lockFile(
      join(env.HF_HOME, 'hub', '.locks', 'models--maker--tiny-GGUF', `${blob}.dots-lock`),
      () => new Error('held'),
    );
    const { code, stderr } = await runCli(['rm', 'hf:maker/tiny-GGUF'], { env });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('is downloading it') });
    await lock.close();
    expect((await runCli(['rm', 'hf:maker/tiny-GGUF'], { env })).code).toBe(0);
  });

  it('list a broken cache with what is broken, and delete it', async () => {
    const env = environment();
    await runCli(['pull', 'hf:maker/tiny-GGUF:F32'], { env });
    const cache = join(env.HF_HOME, 'hub');
    for (const blob of readdirSync(join(repository(env), 'blobs')))
      rmSync(join(repository(env), 'blobs', blob));
    writeFileSync(join(cache, 'models--a--file'), 'not a folder');
    mkdirSync(join(cache, 'models--a--empty'));
    mkdirSync(join(cache, 'datasets--a--b'));
    mkdirSync(join(cache, 'models--a--ref', 'refs'), { recursive: true });
    writeFileSync(join(cache, 'models--a--ref', 'refs', 'main'), 'b'.repeat(40));
    symlinkSync('models--a--loop', join(cache, 'models--a--loop'));
    mkdirSync(join(cache, 'models--a--closed'));
    chmodSync(join(cache, 'models--a--closed'), 0);
    const { code, stdout } = await runCli(['list'], { env });
    chmodSync(join(cache, 'models--a--closed'), 0o755);
    expect(code).toBe(0);
    expect(stdout).toContain('1 links lead nowhere, such as tiny-F32.gguf');
    expect(stdout).toContain('"main" names a commit that is not there');
    const names = (await runJson<{ models: { name: string }[] }>(['list'], { env })).models.map(
      ({ name }) => name,
    );
    expect(names).toEqual([
      'hf:a/closed',
      'hf:a/empty',
      'hf:a/file',
      'hf:a/loop',
      'hf:a/ref',
      'hf:maker/tiny-GGUF',
    ]);
    const all = await runCli(['rm', 'a/closed', 'a/empty', 'a/file', 'a/loop', 'a/ref', 'maker/tiny-GGUF'], {
      env,
    });
    expect(all).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(cache).sort()).toEqual(['.locks', 'datasets--a--b']);
  });
});
