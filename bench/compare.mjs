#!/usr/bin/env node
/**
 * dots.ts compared with its peers: the same files, in alternation, every measurement in a fresh process.
 *
 *   node bench/compare.mjs --files FOLDER [--generator make-dots1-gguf.mjs] [--node-llama-cpp FOLDER] [--ik BIN_FOLDER]
 *     [--models 3b-q4_k,300m-q8_0] [--modes speed,depth,parallel,busy,start,agreement] [--isa avx2,avx512]
 *     [--threads 2] [--rounds 3] [--scale 1] [--out FILE.csv]
 *
 * FOLDER holds the model files, or gets them from the generator (any script that takes `--preset --type --down --other OUT`).
 * --models also takes .gguf files; without it, all of them run, the first in all modes and the others in `speed` and
 * `agreement`. Rounds go through all contenders in turn; the CSV has the median of the rounds, and of the ratios of each
 * round. A peer without a folder is left out. `--scale 0.1` makes all tests a tenth as long, to see whether everything
 * works. The machine should do nothing else.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, renameSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { dotsContender, ikLlamaCppContender, nodeLlamaCppContender } from './contenders.mjs';
import { appendRows, formatRow, machineFile, Samples } from './result-rows.mjs';

/**
 * Name -> arguments of the generator.
 * @type {Record<string, string[]>}
 */
const MODELS = {
  '3b-q4_k': ['bench-3b', 'q4_k', 'q5_0', 'q4_k'],
  '3b-q8_0': ['bench-3b', 'q8_0', 'q8_0', 'q8_0'],
  '3b-iq2_xxs': ['bench-3b', 'iq2_xxs', 'iq4_nl', 'q4_k'],
  '3b-iq4_xs': ['bench-3b', 'iq4_xs', 'q5_0', 'iq4_xs'],
  '3b-bf16': ['bench-3b', 'bf16', 'bf16', 'bf16'],
  '300m-q8_0': ['bench-300m', 'q8_0', 'q8_0', 'q8_0'],
};

const { values: flags } = parseArgs({
  options: {
    files: { type: 'string' },
    generator: { type: 'string' },
    'node-llama-cpp': { type: 'string' },
    ik: { type: 'string' },
    models: { type: 'string' },
    modes: { type: 'string' },
    isa: { type: 'string', default: '' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    rounds: { type: 'string', default: '3' },
    scale: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
});
/** @type {string} */
const files = flags.files ?? fail('Cannot compare without model files', 'add --files FOLDER');
const threads = Number(flags.threads);
const rounds = Number(flags.rounds);
/** @param {number} count */
const scaled = (count) => Math.max(4, Math.round(count * Number(flags.scale)));

/** A process that never pauses, and ends when this one is gone, however that came about. */
const NEIGHBOUR =
  'const parent = process.ppid; while (process.ppid === parent) for (let i = 0; i < 1e8; i++);';

/**
 * @typedef {import('./contenders.mjs').Contender} Contender
 * @typedef {import('./contenders.mjs').Group} Group
 * @typedef {{ model: string, samples: Samples }} Context
 *
 * A mode measures into `samples` what its name says, one round of all contenders at a time.
 * @type {Record<string, (context: Context) => Promise<void>>}
 */
const MODES = {
  speed: (context) => benchGroup(context, group({ prompt: scaled(512), predict: scaled(128), depth: '0' })),
  depth: (context) => benchGroup(context, group({ predict: scaled(32), depth: `0,${scaled(4096)}` })),
  parallel: (context) => benchGroup(context, group({ predict: scaled(64), parallel: 8 })),
  busy: besideNeighbours,
  start,
  agreement,
};

const ours = flags.isa.split(',').map((isa) => dotsContender({ isa: isa || null, threads }));
/** @type {Contender[]} */
const contenders = [
  ...ours,
  ...(flags['node-llama-cpp'] ? [nodeLlamaCppContender({ folder: flags['node-llama-cpp'], threads })] : []),
  ...(flags.ik ? [ikLlamaCppContender({ folder: flags.ik, threads })] : []),
];
const out = flags.out ?? path.join(path.dirname(fileURLToPath(import.meta.url)), 'results', machineFile());
const chosen = flags.models?.split(',') ?? Object.keys(MODELS);
for (const name of chosen) {
  if (!MODELS[name] && !name.endsWith('.gguf'))
    fail(`There is no model ${name}`, `a .gguf file, or one of ${Object.keys(MODELS).join(', ')}`);
}

for (const [index, name] of chosen.entries()) {
  const modes = flags.modes?.split(',') ?? (index === 0 ? Object.keys(MODES) : ['speed', 'agreement']);
  const model = modelFile(name);
  for (const mode of modes) {
    if (!MODES[mode]) fail(`There is no mode ${mode}`, Object.keys(MODES).join(', '));
    say(`${name}: ${mode} (load ${os.loadavg()[0].toFixed(1)})`);
    const samples = new Samples();
    await MODES[mode]({ model, samples });
    const rows = samples.rows({
      model: path.basename(name),
      threads,
      date: new Date().toISOString().slice(0, 10),
    });
    appendRows(out, rows);
    for (const row of rows) process.stdout.write(`${path.basename(name).padEnd(11)} ${formatRow(row)}\n`);
  }
}

/**
 * @param {Partial<Group>} given
 * @returns {Group}
 */
function group(given) {
  return { prompt: 0, predict: 0, depth: '', parallel: 0, ...given };
}

/**
 * Everyone in turn, another one first in each round.
 * @template {Contender} C
 * @param {C[]} who
 * @param {(contender: C) => Promise<void>} run
 */
async function eachInTurn(who, run) {
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < who.length; i++) {
      const contender = who[(i + round) % who.length];
      await run(contender);
      say(`  round ${round + 1} of ${rounds}: ${contender.who}`);
    }
  }
}

/**
 * @param {Context} context
 * @param {Group} requested
 */
async function benchGroup({ model, samples }, requested) {
  await eachInTurn(contenders, async (contender) => {
    for (const { test, tokensPerSecond, limit } of await contender.bench(model, requested))
      samples.add(contender, test, 'tokens/s', tokensPerSecond.median, limit);
  });
}

/**
 * Decoding alone, with one process that never pauses, and with one for each core.
 * @param {Context} context
 */
async function besideNeighbours({ model, samples }) {
  const wanted = group({ predict: scaled(64), depth: '0' });
  await eachInTurn(contenders, async (contender) => {
    for (const count of new Set([0, 1, os.availableParallelism()])) {
      const neighbours = Array.from({ length: count }, () =>
        spawn(process.execPath, ['-e', NEIGHBOUR], { stdio: 'ignore' }),
      );
      try {
        for (const { test, tokensPerSecond } of await contender.bench(model, wanted)) {
          const name = count === 0 ? test : `${test}~${count}busy`;
          samples.add(contender, name, 'tokens/s', tokensPerSecond.median);
        }
      } finally {
        for (const neighbour of neighbours) neighbour.kill('SIGKILL');
      }
    }
  });
}

/**
 * From the start of the process to its first token, an 8-token prompt, the file in the page cache.
 * @param {Context} context
 */
async function start({ model, samples }) {
  readAll(model);
  const starting = contenders.filter(({ firstTokenMs }) => firstTokenMs !== undefined);
  await eachInTurn(starting, async (contender) => {
    const ms = await contender.firstTokenMs?.(model, [11, 12, 13, 14, 15, 16, 17, 18]);
    if (ms !== undefined) samples.add(contender, 'start', 'ms', ms);
  });
}

/**
 * How often the most likely next token is llama.cpp's, at 256 positions of a text that the model wrote itself, another text in
 * each round. The second row says what to expect: how often llama.cpp agrees with itself when its cache is f16 and its attention "flash".
 * @param {Context} context
 */
async function agreement({ model, samples }) {
  const [first] = ours;
  const peer = contenders.find((one) => one.argmax && !one.isOurs);
  if (!peer?.argmax) return say('  nobody to agree with');
  for (let seed = 1; seed <= rounds; seed++) {
    const tokens = await first.write(model, 256, seed);
    const expected = await peer.argmax(model, tokens);
    /** @param {number[]} found */
    const share = (found) => (100 * found.filter((id, i) => id === expected[i]).length) / expected.length;
    samples.add(first, 'same-argmax', '%', share(await first.argmax(model, tokens)));
    samples.add(peer, 'same-argmax', '%', share(await peer.argmax(model, tokens, ['--own-defaults'])));
  }
}

/** @param {string} name */
function modelFile(name) {
  if (name.endsWith('.gguf')) return name;
  const [preset, type, down, other] = MODELS[name];
  const file = path.join(files, `bench-${name}.gguf`);
  if (existsSync(file)) return file;
  const generator =
    flags.generator ?? fail(`Cannot find ${file}`, 'put it there, or add --generator make-dots1-gguf.mjs');
  say(`making ${file}`);
  const args = ['--preset', preset, '--type', type, '--down', down, '--other', other, `${file}.partial`];
  const { status } = spawnSync(process.execPath, [generator, ...args], {
    stdio: ['ignore', 2, 'inherit'],
  });
  if (status !== 0) fail(`Cannot make ${file}: the generator ended with ${status}`, 'see above');
  renameSync(`${file}.partial`, file);
  return file;
}

/**
 * Into the page cache.
 * @param {string} file
 */
function readAll(file) {
  spawnSync('cat', [file], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * @param {string} message
 * @param {string} hint
 * @returns {never}
 */
function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint:  ${hint}\n`);
  process.exit(2);
}
