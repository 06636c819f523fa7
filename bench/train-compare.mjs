#!/usr/bin/env node
/**
 * Training compared with PyTorch: the configurations of train-configs.json in alternation, every run in a fresh process.
 *
 *   node bench/train-compare.mjs --python PYTHON [--configs moe-19m,moe-30m] [--threads 2] [--rounds 2] [--steps 5]
 *     [--peers eager,grouped_mm,eager+compile,grouped_mm+compile] [--out results/train.csv]
 *
 * PYTHON has torch and transformers (peers/torch-train.py). The CSV has the median of the rounds' medians. `percentOfPeak`:
 * the floating-point operations of the products (train-work.mjs) over the machine's peak of f32 fused multiply-adds, which
 * our process measures after its steps. batched_mm of transformers is left out: it copies the weights of each token's
 * experts, 9.7 GB for one layer of the first configuration.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, median } from './result-rows.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: flags } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    configs: { type: 'string', default: 'moe-19m,moe-30m' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '2' },
    steps: { type: 'string', default: '5' },
    peers: { type: 'string', default: 'eager,grouped_mm,eager+compile,grouped_mm+compile' },
    out: { type: 'string', default: path.join(here, 'results', 'train.csv') },
  },
});
const COLUMNS =
  'date,machine,cores,config,threads,who,version,tokensPerSecond,min,max,rounds,percentOfPeak,oursOverThis,peakMB,peakMBBeforeModel,loss1,loss4';

/**
 * What a contender prints: one JSON document.
 * @typedef {{
 *   who: string, version: string, tokensPerSecond: { median: number, min: number, max: number }, percentOfPeak: number,
 *   losses: number[], peakBytes: number, peakBytesBeforeModel: number,
 * }} Result
 */

const common = ['--threads', flags.threads, '--steps', flags.steps];
/** @type {((config: string) => string[])[]} */
const contenders = [
  (config) => [process.execPath, path.join(here, 'train-ours.mjs'), config, ...common],
  ...flags.peers
    .split(',')
    .filter((name) => name !== '')
    .map((name) => (/** @type {string} */ config) => [
      flags.python,
      path.join(here, 'peers/torch-train.py'),
      config,
      ...['--experts', name.replace('+compile', ''), ...(name.endsWith('+compile') ? ['--compile'] : [])],
      ...common,
    ]),
];

for (const config of flags.configs.split(',')) {
  /** @type {Map<string, Result[]>} */
  const results = new Map();
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (let i = 0; i < contenders.length; i++) {
      const result = await runJson(contenders[(i + round) % contenders.length](config));
      results.set(result.who, [...(results.get(result.who) ?? []), result]);
      const rate = result.tokensPerSecond.median.toFixed(0);
      process.stderr.write(`${config}, round ${round + 1}: ${result.who} ${rate} tokens/s\n`);
    }
  }
  const ours = [...results].find(([who]) => who.startsWith('dots.ts'))?.[1] ?? [];
  const limit = Math.max(...ours.map((r) => (100 * r.tokensPerSecond.median) / r.percentOfPeak));
  const lines = [...results].map(([who, rounds]) => {
    const rates = rounds.map(({ tokensPerSecond }) => tokensPerSecond.median);
    const ratios = rounds.map((result, i) => ours[i].tokensPerSecond.median / result.tokensPerSecond.median);
    return [
      new Date().toISOString().slice(0, 10),
      machine.name,
      machine.cores,
      config,
      flags.threads,
      who,
      `"${rounds[0].version}"`,
      ...[median(rates), Math.min(...rates), Math.max(...rates)].map((rate) => rate.toFixed(0)),
      rounds.length,
      ((100 * median(rates)) / limit).toFixed(1),
      rounds === ours ? '' : median(ratios).toFixed(2),
      ...[
        rounds.map(({ peakBytes }) => peakBytes),
        rounds.map(({ peakBytesBeforeModel }) => peakBytesBeforeModel),
      ].map((bytes) => (median(bytes) / 1e6).toFixed(0)),
      ...[0, 3].map((step) => rounds[0].losses[step]?.toFixed(4) ?? ''),
    ].join();
  });
  if (!existsSync(flags.out)) writeFileSync(flags.out, `${COLUMNS}\n`);
  appendFileSync(flags.out, `${lines.join('\n')}\n`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

/**
 * @param {string[]} command
 * @returns {Promise<Result>}
 */
function runJson([program, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.once('error', reject).once('close', (code) => {
      if (code === 0) resolve(JSON.parse(stdout));
      else reject(new Error(`${args[0]} ended with ${code}: ${stderr.slice(-600)}`));
    });
  });
}
