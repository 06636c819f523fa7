#!/usr/bin/env node
/**
 * How fast ik_llama.cpp is, in the rows that node-llama-cpp.mjs gives.
 *
 *   node ik-llama-cpp.mjs MODEL --bin ik_llama.cpp/build/bin -p 512 -n 128 -r 3 --threads 2 [--depth 0,4096] [--parallel 8]
 *
 * Every speed is measured twice, on the file as it is and with weights repacked at load (`-rtr 1`; the rows then end in
 * `+repack`): repacking is faster for most types, but takes the weights out of the page cache. One JSON document on stdout.
 * Build it from its repository with: cmake -B build -DCMAKE_BUILD_TYPE=Release && make -C build llama-bench llama-batched-bench
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bin: { type: 'string', default: '.' },
    prompt: { type: 'string', short: 'p', default: '512' },
    predict: { type: 'string', short: 'n', default: '128' },
    repeat: { type: 'string', short: 'r', default: '3' },
    threads: { type: 'string', default: '2' },
    depth: { type: 'string', default: '0' },
    parallel: { type: 'string', default: '0' },
  },
});
const [modelPath] = positionals;
if (!modelPath) fail('Cannot run without a model', 'ik-llama-cpp.mjs MODEL.gguf --bin FOLDER', 2);
const numPrompt = Number(flags.prompt);
const numPredict = Number(flags.predict);
const numRepeat = Number(flags.repeat);

const rows = [false, true].flatMap((repack) => [...benchRows(repack), ...parallelRows(repack)]);
const result = {
  peer: 'ik_llama.cpp',
  model: path.basename(modelPath),
  threads: Number(flags.threads),
  rows,
};
process.stdout.write(`${JSON.stringify(result)}\n`);

/** @param {boolean} repack */
function benchRows(repack) {
  const depths = flags.depth.split(',').filter(Boolean).map(Number);
  const tests = [];
  if (numPrompt > 0) tests.push({ test: `pp${numPrompt}`, args: ['-p', numPrompt, '-n', 0] });
  for (const depth of numPredict > 0 ? depths : []) {
    const args = depth === 0 ? ['-n', numPredict] : ['-n', 0, '-gp', `${depth},${numPredict}`];
    tests.push({ test: `tg${numPredict}${depth > 0 ? `@d${depth}` : ''}`, args: ['-p', 0, ...args] });
  }
  return tests.map(({ test, args }) => {
    const common = [
      '-m',
      modelPath,
      '-t',
      flags.threads,
      '-r',
      numRepeat,
      '-o',
      'json',
      '-rtr',
      Number(repack),
    ];
    const [measured] = JSON.parse(run('llama-bench', [...common, ...args]));
    return row(test, repack, measured.samples_ts);
  });
}

/**
 * The batched benchmark measures once, so it is run once for each repetition.
 * @param {boolean} repack
 */
function parallelRows(repack) {
  const numParallel = Number(flags.parallel);
  if (numParallel === 0) return [];
  const contextSize = Math.ceil((numParallel * (numPredict + 8)) / 256) * 256;
  const args = ['-m', modelPath, '-t', flags.threads, '-c', contextSize, '-b', 512, '-ub', 512];
  args.push('-npp', 8, '-ntg', numPredict, '-npl', numParallel, ...(repack ? ['-rtr'] : []));
  const speeds = Array.from({ length: numRepeat }, () => {
    // Its table goes to stderr.
    const line = run('llama-batched-bench', args, 'stderr')
      .split('\n')
      .find((text) => new RegExp(`^\\|\\s*8 \\|\\s*${numPredict} \\|\\s*${numParallel} \\|`).test(text));
    if (!line)
      return fail('Cannot find the speed in what llama-batched-bench printed', 'its table may have changed');
    return Number(line.split('|')[8]);
  });
  return [row(`tg${numPredict}x${numParallel}`, repack, speeds)];
}

/**
 * @param {string} test
 * @param {boolean} repack
 * @param {number[]} samples
 */
function row(test, repack, samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return {
    test: repack ? `${test}+repack` : test,
    tokensPerSecond: { median, min: sorted[0], max: sorted.at(-1) },
  };
}

/**
 * @param {string} program
 * @param {(string | number)[]} args
 * @param {'stdout' | 'stderr'} stream
 */
function run(program, args, stream = 'stdout') {
  const file = path.join(flags.bin, program);
  if (!existsSync(file))
    fail(`Cannot find ${program} in ${flags.bin}`, 'build ik_llama.cpp and add --bin FOLDER');
  const done = spawnSync(file, args.map(String), { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (done.status !== 0)
    fail(`Cannot run ${program}: it ended with ${done.status}`, done.stderr.trim().slice(-400));
  return done[stream];
}

/**
 * @param {string} message
 * @param {string} hint
 * @returns {never}
 */
function fail(message, hint, exitCode = 1) {
  process.stderr.write(`error: ${message}\nhint:  ${hint}\n`);
  process.exit(exitCode);
}
