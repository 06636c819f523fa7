import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { availableMemoryBytes } from '../../src/backend/native/available-memory.ts';
import { memoryWarning } from '../../src/engine/memory-check.ts';
import { open } from '../../src/index.ts';
import { runCli } from '../cli/run-cli.ts';
import { TINY_LLAMACPP_GGUF } from '../fixtures/golden-dots1.ts';

const MACHINE = 'MemTotal:       64000000 kB\nMemFree:          100000 kB\nMemAvailable:    8000000 kB\n';

describe('availableMemoryBytes()', () => {
  const files = (more: Readonly<Record<string, string>>) => (path: string) =>
    ({ '/proc/meminfo': MACHINE, ...more })[path];

  it('counts what the page cache would give back', () => {
    expect(availableMemoryBytes(files({}), 'linux')).toBe(8_000_000 * 1024);
    expect(availableMemoryBytes(files({ '/sys/fs/cgroup/memory.max': 'max\n' }), 'linux')).toBe(
      8_000_000 * 1024,
    );
  });

  it.each([
    ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory.stat', 'anon 250000000\nfile 900000000\n'],
    [
      '/sys/fs/cgroup/memory/memory.limit_in_bytes',
      '/sys/fs/cgroup/memory/memory.stat',
      'cache 900000000\ntotal_rss 250000000\n',
    ],
  ])('is limited by the control group, less what is not a page of a file (%s)', (limit, stat, text) => {
    expect(availableMemoryBytes(files({ [limit]: '1000000000\n', [stat]: text }), 'linux')).toBe(750_000_000);
  });

  it('knows something on every system', () => {
    for (const platform of ['darwin', 'win32', 'linux'] as const)
      expect(availableMemoryBytes(undefined, platform)).toBeGreaterThan(1e7);
  });
});

describe('memoryWarning()', () => {
  const need = { name: 'big.gguf', weightBytes: 85e9, cacheBytes: 1e9 };

  it('gives figures and what to do', () => {
    expect(memoryWarning(need, 12e9)).toBe(
      'big.gguf needs 86.0 GB of memory (85.0 GB of weights, 1.00 GB of KV cache), but 12.0 GB are available: weights will be ' +
        'read from disk for every token, which is slow. Use a file of fewer bits per weight, a shorter context (--ctx), or ' +
        'close other programs',
    );
  });

  it('does not come where the model fits, or nobody knows', () => {
    expect(memoryWarning(need, 86e9)).toBeUndefined();
    expect(memoryWarning(need, undefined)).toBeUndefined();
  });
});

describe('a machine with too little memory', () => {
  beforeAll(() => {
    vi.doMock('../../src/backend/native/available-memory.ts', () => ({
      availableMemoryBytes: () => 500_000,
    }));
  });
  afterAll(() => {
    vi.doUnmock('../../src/backend/native/available-memory.ts');
  });

  it.each([
    ['info', TINY_LLAMACPP_GGUF],
    ['chat', TINY_LLAMACPP_GGUF, '--message', 'Hi', '--max-tokens', '1'],
    ['run', TINY_LLAMACPP_GGUF, '--prompt', 'Hi', '--max-tokens', '1'],
  ])('is pointed out by dots %s', async (...argv) => {
    const { code, stderr } = await runCli(argv);
    expect(code).toBe(0);
    expect(stderr).toMatch(/note: .*needs \S+ [kM]B of memory \(.*\), but 500 kB are available/);
  });

  it('is pointed out to programs, and by dots info --json', async () => {
    const warnings: string[] = [];
    await using _ = await open(TINY_LLAMACPP_GGUF, { onWarning: (message) => warnings.push(message) });
    expect(warnings.join()).toContain('but 500 kB are available');
    const { stdout } = await runCli(['info', TINY_LLAMACPP_GGUF, '--json']);
    expect(JSON.parse(stdout).memory.availableBytes).toBe(500_000);
  });
});
