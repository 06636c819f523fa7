import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeHfFolder } from '../convert/models.ts';
import { goldenDots1, TINY_HF_FOLDER } from '../fixtures/golden-dots1.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
// A build of its own: dist/ may be older than the sources, or just being written.
const build = join(root, '.cache', 'cli-test');
const folder = mkdtempSync(join(tmpdir(), 'dots-process-'));
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(() => {
  mkdirSync(build, { recursive: true });
  for (const name of ['package.json', 'bin'])
    cpSync(join(root, name), join(build, name), { recursive: true });
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const flags = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(build, 'dist')];
  const state = ['--tsBuildInfoFile', join(build, 'tsbuildinfo')];
  spawnSync(process.execPath, [join(typescript, 'bin', 'tsc'), ...flags, ...state]);
  expect(existsSync(join(build, 'dist/cli/main.js'))).toBe(true);
});

function start(argv: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, [join(build, 'bin/dots.js'), ...argv], {
    stdio: 'pipe',
    env: { ...process.env, ...env },
  });
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const REFERENCE = ['--backend', 'reference'];
const ENDLESS = [
  'run',
  TINY_HF_FOLDER,
  ...REFERENCE,
  '--prompt',
  'The little',
  '--seed',
  '1',
  '--ignore-eos',
  '--max-tokens',
  '500',
];

describe('the dots process', () => {
  it('prints help at once, without loading what the commands need', async () => {
    const coverage = join(folder, 'coverage');
    const result = await ended(start(['--help'], { NODE_V8_COVERAGE: coverage }));
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('Usage: dots');
    const loaded = readdirSync(coverage)
      .flatMap((name) => JSON.parse(readFileSync(join(coverage, name), 'utf8')).result)
      .flatMap(({ url }: { url: string }) => /\/dist\/(.*)\.js$/.exec(url)?.[1] ?? []);
    expect(loaded).toContain('cli/main');
    const others = loaded.filter((name) => !/^(cli|core)\//.test(name));
    // Names and limits of the sampling options, which the help shows.
    expect(others).toEqual(['engine/sampling-options']);
    expect(loaded.length).toBeLessThan(20);
    rmSync(coverage, { recursive: true });
  });

  it('gives exit codes and streams a pipe can use', async () => {
    const child = start(['run', TINY_HF_FOLDER, ...REFERENCE, '--temperature', '0', '--max-tokens', '5']);
    child.stdin?.end('The little lighthouse\n');
    const result = await ended(child);
    expect(result).toMatchObject({ code: 0, stdout: ' stood on a\n' });
    expect((await ended(start(['run', join(folder, 'no.gguf'), '--prompt', 'a']))).code).toBe(2);
    expect((await ended(start(['info', folder]))).code).toBe(1);
  });

  it('ends with 130 and silently on SIGINT', async () => {
    const child = start(ENDLESS);
    child.stdout?.once('data', () => child.kill('SIGINT'));
    const result = await ended(child);
    expect(result).toMatchObject({ code: 130, stderr: '' });
    expect(result.stdout.length).toBeGreaterThan(0);
  });

  it.each(['run', 'chat'])('%s can be interrupted while it waits for a pipe', async (command) => {
    const says =
      "process.on('newListener', (name) => { if (name === 'SIGINT') process.stderr.write('listens'); });";
    const child = start([command, TINY_HF_FOLDER, ...REFERENCE], {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(says)}`,
    });
    child.stderr?.once('data', () => setTimeout(() => child.kill('SIGINT'), 200));
    expect(await ended(child)).toMatchObject({ code: 130, stdout: '' });
  });

  it('ends without a word when nobody reads its output any more', async () => {
    const child = start(ENDLESS);
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await ended(child)).toMatchObject({ code: 0, stderr: '' });
    // Also where all output comes at once, and the pipe is closed by then.
    const help = start(['run', '--help']);
    help.stdout?.destroy();
    expect(await ended(help)).toMatchObject({ code: 0, stderr: '' });
  });

  it('leaves nothing of an interrupted conversion', async () => {
    const { config } = goldenDots1('plain');
    const large = { ...config, vocab_size: 20_000, hidden_size: 256, n_routed_experts: 64 };
    const from = await writeHfFolder(join(folder, 'large'), large);
    for (const name of ['stopped.gguf', 'stopped']) {
      const child = start(['convert', from, join(folder, name), '--type', 'f16']);
      const writing = setInterval(() => {
        if (readdirSync(folder).some((file) => file.includes('.partial'))) child.kill('SIGINT');
      }, 1);
      const result = await ended(child);
      clearInterval(writing);
      expect(result).toMatchObject({ code: 130, stdout: '' });
      expect(readdirSync(folder)).toEqual(['large']);
    }
  });

  it('trains a tokenizer that the other commands can use', async () => {
    const text = join(folder, 'text.txt');
    writeFileSync(text, 'one two three four five six seven '.repeat(100));
    const out = join(folder, 'tokenizer.json');
    const result = await ended(
      start(['tokenizer', 'train', text, '--vocab-size', '300', '--out', out, '--json']),
    );
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout).vocab).toBeLessThanOrEqual(300);
    expect(existsSync(out)).toBe(true);
  });
});
