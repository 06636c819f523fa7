import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

// The C++ tests of native/tests, each program a test of its own: docs/native-testing.md.
const folder = fileURLToPath(new URL('../../native/', import.meta.url));
const programs = readdirSync(`${folder}/tests`)
  .filter((name) => /^(test|fuzz)-.*\.cc$/.test(name))
  .map((name) => name.replace('.cc', ''));
const BUILD_TIMEOUT_MS = 900_000;

const has = (tool: string): boolean => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0;
const compiler = process.env.CXX ?? ['g++', 'clang++', 'c++'].find(has);
const why = compiler && has('make') ? '' : '(skipped: neither make nor a C++ compiler is installed)';
const noWasm = why || wasmToolsMissing();

/** Says what is missing to build for WebAssembly and to run it. */
function wasmToolsMissing(): string {
  const { status, stderr } = spawnSync('make', ['-s', 'MODE=release', 'wasm-tools'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return status === 0 ? '' : `(skipped: ${/^cannot build.*/m.exec(stderr)?.[0] ?? stderr})`;
}

/** What a command printed, and how it ended. A signal's name is in the place of the status. */
function run(command: string, args: readonly string[]): Promise<{ output: string; status: number | string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (bytes: Buffer) => {
        output += bytes.toString();
      });
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ output, status: status ?? signal ?? 'unknown' }));
  });
}

describe.skipIf(why)(`C++ tests ${why}`, () => {
  beforeAll(async () => {
    const targets = programs.map((name) => `build/release/${name}`);
    // Vitest has a MODE of its own in the environment.
    const { output, status } = await run('make', [
      '-s',
      `-j${availableParallelism()}`,
      'MODE=release',
      `CXX=${compiler}`,
      ...targets,
    ]);
    expect(status, output).toBe(0);
  }, BUILD_TIMEOUT_MS);

  it.each(programs)('%s', async (name) => {
    const { output, status } = await run(`build/release/${name}`, []);
    expect(status, output).toBe(0);
    expect(output).toContain('passed');
  });
});

// In the same file as the tests above: both build in native/build/release.
describe.skipIf(noWasm)(`WebAssembly ${noWasm}`, () => {
  it(
    'gives the bits of every instruction set of this machine',
    async () => {
      const jobs = `-j${availableParallelism()}`;
      const variables = ['MODE=release', `CXX=${compiler}`, `NODE=${process.execPath}`];
      const { output, status } = await run('make', ['-s', jobs, ...variables, 'wasm-check']);
      expect(status, output).toBe(0);
      expect(output).toMatch(/the same bits: \d+ outputs on WebAssembly and on portable/);
    },
    BUILD_TIMEOUT_MS,
  );
});
