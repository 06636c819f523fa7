#!/usr/bin/env node
/**
 * Training steps of a configuration of train-configs.json, in this process; needs dist/ ("npm run build").
 *
 *   node bench/train.mjs moe-19m [--threads 2] [--steps 6] [--warmup 2] [--backend native] [--recompute]
 *
 * Prints what peers/torch-train.py prints, and `limitTokensPerSecond`: the tokens a second at which the products alone would
 * take all of the machine's f32 multiply-adds, which it measures. A step is forward and backward of all 8 x 512 tokens as one
 * micro-batch, gradients clipped to norm 1, AdamW.
 */
import { parseArgs } from 'node:util';
import { chooseBackend } from '../dist/engine/open.js';
import { configFromHf } from '../dist/model/config-hf.js';
import { initialise, storeSpecs } from '../dist/train/parameters.js';
import { TrainingStep } from '../dist/train/step.js';
import { median } from './result-rows.mjs';
import { benchTokens, flopsPerToken, parameters, trainConfigs } from './train-work.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '6' },
    warmup: { type: 'string', default: '2' },
    backend: { type: 'string', default: 'native' },
    recompute: { type: 'boolean', default: false },
  },
});
const entry = trainConfigs()[positionals[0]];
if (!entry) throw new Error(`there is no configuration ${positionals[0]}: ${Object.keys(trainConfigs())}`);
const { sequences, length } = entry.batch;
const numTokens = sequences * length;
const threads = Number(flags.threads);
const before = peakBytes();

const config = configFromHf(entry.config);
const backend = await chooseBackend({ backend: flags.backend, threads });
const store = backend.createStore(storeSpecs(config));
initialise(store, config, { std: entry.config.initializer_range, seed: 1 });
const step = await TrainingStep.load(
  backend,
  config,
  store,
  {
    ...{ beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, clipNorm: 1 },
    balanceLoss: 0,
    recompute: flags.recompute,
  },
  numTokens,
);

const losses = [];
const stepMs = [];
for (let i = 0; i < Number(flags.warmup) + Number(flags.steps); i++) {
  const batch = batchOf(benchTokens(config.vocabSize, numTokens, i));
  const startMs = performance.now();
  const { loss, gradientNorm } = await step.gradients([batch]);
  await step.update(3e-4, gradientNorm, i);
  stepMs.push(performance.now() - startMs);
  losses.push(loss);
  process.stderr.write(`step ${i}: loss ${loss.toFixed(4)}, ${(stepMs[i] / 1000).toFixed(2)} s\n`);
}
const rates = stepMs.slice(Number(flags.warmup)).map((ms) => (1000 * numTokens) / ms);
const peak = peakBytes();
await step.close();
store.close();
const { measureLimits } = await import('../dist/backend/native/limits.js');
const limits = measureLimits(threads);
process.stdout.write(
  `${JSON.stringify({
    who: `dots.ts ${backend.name}${flags.recompute ? ', recomputation' : ''}`,
    version: backend.description,
    threads,
    tokensPerSecond: { median: median(rates), min: Math.min(...rates), max: Math.max(...rates) },
    stepMs: stepMs.map(Math.round),
    losses,
    peakBytes: peak,
    peakBytesBeforeModel: before,
    parameters: parameters(entry.config).total,
    limitTokensPerSecond: limits
      ? (2 * limits.floatMultipliesPerSecond) / flopsPerToken(entry.config, length).total
      : undefined,
  })}\n`,
);

function batchOf(tokens_T) {
  const isLast = (t) => t % length === length - 1;
  return {
    tokens_T,
    targets_T: tokens_T.map((_, t) => (isLast(t) ? -1 : tokens_T[t + 1])),
    positions_T: tokens_T.map((_, t) => t % length),
    sequences_T: tokens_T.map((_, t) => Math.floor(t / length)),
    lossWeights_T: Float32Array.from(tokens_T, (_, t) => (isLast(t) ? 0 : 1)),
  };
}

function peakBytes() {
  return process.resourceUsage().maxRSS * 1024;
}
