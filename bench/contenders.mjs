/** Who takes part in bench/compare.mjs: each measures one group of rows in a fresh process. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);

/**
 * @typedef {{ prompt: number, predict: number, depth: string, parallel: number }} Group
 * @typedef {{ test: string, tokensPerSecond: { median: number }, limit?: number }} Row
 *
 * One of those that are compared; `model` is a file.
 * @typedef {object} Contender
 * @property {string} who
 * @property {string} version
 * @property {boolean} [isOurs]
 * @property {(model: string, group: Group) => Promise<Row[]>} bench
 * @property {(model: string, tokens: number[]) => Promise<number>} [firstTokenMs]
 * @property {(model: string, tokens: number[], variant?: string[]) => Promise<number[]>} [argmax]
 * @property {(model: string, count: number, seed: number) => Promise<number[]>} [write] tokens that the model writes itself
 *
 * @typedef {(string | number)[]} Args
 */

/**
 * dots.ts as it is built here; `isa` is null for the best instruction set.
 * @param {{ isa: string | null, threads: number }} options
 */
export function dotsContender({ isa, threads }) {
  const program = path.join(root, 'bin/dots.js');
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  /** @satisfies {Contender} */
  const contender = {
    who: isa ? `dots.ts ${isa}` : 'dots.ts',
    version: String(version),
    isOurs: true,
    /**
     * @param {string} model
     * @param {Group} group
     * @returns {Promise<Row[]>}
     */
    async bench(model, group) {
      /** @type {Args} */
      const args = ['bench', model, '-p', group.prompt, '-n', group.depth === '' ? 0 : group.predict];
      if (group.parallel > 0) args.splice(-1, 1, group.predict, '--parallel', group.parallel);
      else args.push('--depth', group.depth);
      args.push('-r', 1, '--threads', threads, '--json', ...(isa ? ['--isa', isa] : []));
      const { rows } = await runJson(process.execPath, [program, ...args]);
      return rows.map((/** @type {Row} */ row) => ({ ...row, test: row.test.replaceAll(' ', '') }));
    },
    /**
     * @param {string} model
     * @param {number[]} tokens
     */
    firstTokenMs: (model, tokens) =>
      timeToOutput([
        program,
        ...['run', model, '--prompt-tokens', tokens.join(), '--max-tokens', 1, '--temperature', 0],
        ...['--ignore-eos', '--threads', threads, '--json'],
      ]),
    /**
     * @param {string} model
     * @param {number[]} tokens
     * @returns {Promise<number[]>}
     */
    async argmax(model, tokens) {
      const args = ['logits', model, '--tokens', tokens.join(), '--all', '--threads', threads, '--json'];
      const { top } = await runJson(process.execPath, [program, ...args]);
      return top.map((/** @type {{ id: number }[]} */ row) => row[0].id);
    },
    /**
     * @param {string} model
     * @param {number} count
     * @param {number} seed
     * @returns {Promise<number[]>}
     */
    async write(model, count, seed) {
      const args = [
        'run',
        model,
        '--prompt-tokens',
        1,
        '--max-tokens',
        count,
        '--ignore-eos',
        '--seed',
        seed,
      ];
      return (await runJson(process.execPath, [program, ...args, '--threads', threads, '--json'])).tokens;
    },
  };
  return contender;
}

/**
 * llama.cpp through node-llama-cpp, installed in `folder`.
 * @param {{ folder: string, threads: number }} options
 * @returns {Contender}
 */
export function nodeLlamaCppContender({ folder, threads }) {
  const script = path.join(here, 'peers/node-llama-cpp.mjs');
  const shared = ['--package', folder, '--threads', threads];
  const file = path.join(folder, 'node_modules/node-llama-cpp/package.json');
  if (!existsSync(file)) throw new Error(`there is no node_modules/node-llama-cpp in ${folder}`);
  return {
    who: 'llama.cpp (node-llama-cpp)',
    version: JSON.parse(readFileSync(file, 'utf8')).version,
    async bench(model, group) {
      const args = [script, 'bench', model, ...shared, ...peerFlags(group)];
      return (await runJson(process.execPath, args)).rows;
    },
    firstTokenMs: (model, tokens) =>
      timeToOutput([script, 'greedy', model, ...shared, '--tokens', tokens.join(), '-n', 1, '--ignore-eos']),
    /** `variant`: its own defaults in place of an f32 cache without flash attention. */
    async argmax(model, tokens, variant = []) {
      const args = [script, 'logits', model, ...shared, '--tokens', tokens.join(), '--top', 1];
      return (await runJson(process.execPath, [...args, ...variant])).argmax;
    },
  };
}

/**
 * ik_llama.cpp, built; its rows with repacked weights end in `+repack`.
 * @param {{ folder: string, threads: number }} options
 * @returns {Contender}
 */
export function ikLlamaCppContender({ folder, threads }) {
  if (!existsSync(path.join(folder, 'llama-bench'))) throw new Error(`there is no llama-bench in ${folder}`);
  const script = path.join(here, 'peers/ik-llama-cpp.mjs');
  return {
    who: 'ik_llama.cpp',
    version: '',
    async bench(model, group) {
      const args = [script, model, '--bin', folder, '--threads', threads, ...peerFlags(group)];
      return (await runJson(process.execPath, args)).rows;
    },
  };
}

/**
 * @param {Group} group
 * @returns {Args}
 */
function peerFlags({ prompt, predict, depth, parallel }) {
  return ['-p', prompt, '-n', predict, '--depth', depth, '--parallel', parallel, '-r', 1];
}

/**
 * Runs a program to its end -> the JSON document on its stdout.
 * @param {string} program
 * @param {Args} args
 */
async function runJson(program, args) {
  const child = spawn(program, args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = await Promise.all([collect(child.stdout), collect(child.stderr), ended(child)]);
  if (child.exitCode === 0) return JSON.parse(stdout);
  throw new Error(`${path.basename(String(args[0]))} ended with ${child.exitCode}: ${stderr.slice(-400)}`);
}

/**
 * Milliseconds from the start of a process to the first byte it prints, which is when it has its first token.
 * @param {Args} args
 */
async function timeToOutput(args) {
  const start = performance.now();
  const child = spawn(process.execPath, args.map(String), { stdio: ['ignore', 'pipe', 'ignore'] });
  const done = ended(child);
  let firstMs = Number.NaN;
  child.stdout.on('data', () => {
    if (Number.isNaN(firstMs)) firstMs = performance.now() - start;
  });
  await done;
  if (child.exitCode === 0 && !Number.isNaN(firstMs)) return firstMs;
  throw new Error(`${path.basename(String(args[0]))} ended with ${child.exitCode} and printed nothing`);
}

/** @param {import('node:child_process').ChildProcess} child */
function ended(child) {
  return new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
}

/** @param {import('node:stream').Readable} stream */
async function collect(stream) {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}
