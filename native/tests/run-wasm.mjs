// Runs a program that was built for wasm32-wasi. With a second program, built for this machine, both must print the
// same: each line begins with an instruction set, and every one of this machine is compared with the portable one.
//
//   node run-wasm.mjs PROGRAM-FOR-WASM [PROGRAM-FOR-THIS-MACHINE]

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// node:wasi announces on every run that it is experimental.
process.removeAllListeners('warning');
const { WASI } = await import('node:wasi');

async function main(wasmPath, herePath) {
  const printed = await runWasm(wasmPath);
  if (!herePath) return process.stdout.write(printed);
  const expected = byInstructionSet(printed).get('portable') ?? [];
  const here = byInstructionSet(runHere(herePath));
  const what = `${expected.length} outputs on WebAssembly and on ${[...here.keys()].join(', ') || 'nothing else'}`;
  const different = [...here].flatMap(([name, lines]) =>
    Array.from({ length: Math.max(lines.length, expected.length) }, (_, i) => i)
      .filter((i) => lines[i] !== expected[i])
      .map((i) => `WebAssembly: ${expected[i] ?? 'no line'}\n  ${name}: ${lines[i] ?? 'no line'}\n`),
  );
  if (different.length > 0)
    throw new Error(`${different.length} differ: ${what}\n${different.slice(0, 10).join('')}`);
  if (expected.length === 0 || here.size === 0) throw new Error(`nothing to compare: ${what}`);
  process.stdout.write(`the same bits: ${what}\n`);
}

/** What the program printed. */
async function runWasm(path) {
  const folder = mkdtempSync(join(tmpdir(), 'dots-wasm-'));
  try {
    const file = join(folder, 'stdout');
    const stdout = openSync(file, 'w');
    const wasi = new WASI({ version: 'preview1', args: [path], stdout });
    const { instance } = await WebAssembly.instantiate(readFileSync(path), wasi.getImportObject());
    const status = wasi.start(instance);
    closeSync(stdout);
    return succeeded(path, status, readFileSync(file, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runHere(path) {
  const { status, signal, error, stdout } = spawnSync(resolve(path), {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (error) throw error;
  return succeeded(path, status ?? signal, stdout);
}

function succeeded(path, status, output) {
  if (status === 0) return output;
  throw new Error(`${path} ended with status ${status}\n${output}`);
}

/** Lines without the instruction set that they begin with, for each instruction set. */
function byInstructionSet(output) {
  const lists = new Map();
  for (const line of output.split('\n').filter((line) => line !== '')) {
    const [name, ...rest] = line.split(' ');
    lists.set(name, [...(lists.get(name) ?? []), rest.join(' ')]);
  }
  return lists;
}

try {
  await main(...process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
