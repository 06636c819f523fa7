// Compiles the native backend and shows what it is doing: it takes minutes, and silence looks like a hang.
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Seconds of one core for a file, on average: on a machine that does nothing else, and on a busy one. */
const SECONDS_PER_FILE = [1.5, 8];
const LINE_INTERVAL_MS = 10_000;

/**
 * Runs make. Gives whether it succeeded.
 * @param {{
 *   folder: string, compiler: string, jobs: number,
 *   output?: { write(text: string): unknown, isTTY?: boolean, columns?: number },
 * }} options `folder` holds the Makefile.
 * @returns {Promise<boolean>}
 */
export async function buildNative({ folder, compiler, jobs, output = process.stderr }) {
  const args = ['-C', folder, `CXX=${compiler}`];
  const planned = spawnSync('make', ['-n', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const total = planned.stdout.split('\n').filter((line) => compiled(line) !== undefined).length;
  if (total > 0) output.write(`${announcement(total, compiler, jobs)}\n`);

  const make = spawn('make', [`-j${jobs}`, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  /** @type {Promise<boolean>} */
  const ended = new Promise((resolve) => {
    make.once('close', (code) => resolve(code === 0));
    make.once('error', () => resolve(false));
  });
  let started = 0;
  let nextMs = 0;
  for await (const line of createInterface({ input: make.stdout })) {
    const name = compiled(line);
    if (name === undefined) continue;
    started++;
    const text = `[${String(started).padStart(String(total).length)}/${total}] ${name}`;
    if (output.isTTY) output.write(`\r\x1b[2K${text.slice(0, (output.columns ?? 80) - 1)}`);
    else if (performance.now() >= nextMs || started === total) {
      output.write(`${text}\n`);
      nextMs = performance.now() + LINE_INTERVAL_MS;
    }
  }
  if (output.isTTY && started > 0) output.write('\r\x1b[2K');
  return await ended;
}

/**
 * @param {number} numFiles
 * @param {string} compiler
 * @param {number} jobs
 */
function announcement(numFiles, compiler, jobs) {
  const [low, high] = SECONDS_PER_FILE.map((seconds) => Math.ceil((seconds * numFiles) / jobs / 60));
  const minutes = low === high ? `about ${low} minute${low === 1 ? '' : 's'}` : `${low} to ${high} minutes`;
  return (
    `dots.ts: compiling the native backend with ${compiler}: ${numFiles} files on ${jobs} core${jobs === 1 ? '' : 's'}, ` +
    `${minutes}`
  );
}

/**
 * `kernels/attention.cc (avx2)` for a line of make that compiles it, `small-kernels.cc (avx2)` for a unit that make wrote.
 * @param {string} line
 */
function compiled(line) {
  const [, object, path] = / -c -o (\S+) (\S+)\s*$/.exec(line) ?? [];
  if (path === undefined) return undefined;
  const source = path.replace(/^build\/\w+\//, '');
  const [, isa] = /\/(portable|avx2|avx512|neon)\//.exec(object) ?? [];
  return isa === undefined ? source : `${source} (${isa})`;
}
