/**
 * Train a configuration of train-configs.json with dots.ts on the native backend: the same step as peers/torch-train.py.
 *
 *   node bench/train-ours.mjs moe-19m [--threads 2] [--steps 6] [--warmup 2] [--recompute] [--micro-batches 1] [--profile]
 *
 * Needs `npm run build`. Prints one JSON document; with --profile also, on stderr, where the time of a step went and which
 * share of the machine's peak of f32 multiply-adds (measured here) each kind of product reached.
 */
import { resourceUsage } from 'node:process';
import { parseArgs } from 'node:util';
import { measureLimits } from '../dist/backend/native/limits.js';
import { openNativeBackend } from '../dist/backend/native/native-backend.js';
import { evaluateShape } from '../dist/graph/dim.js';
import { configFromHf } from '../dist/model/config-hf.js';
import { initialise, storeSpecs } from '../dist/train/parameters.js';
import { TrainingStep } from '../dist/train/step.js';
import { benchTokens, flopsPerToken, trainConfigs } from './train-work.mjs';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '6' },
    warmup: { type: 'string', default: '2' },
    'micro-batches': { type: 'string', default: '1' },
    recompute: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
});
const entry = trainConfigs()[positionals[0]];
if (!entry) throw new Error(`choose one of ${Object.keys(trainConfigs()).join(', ')}`);
const { sequences, length } = entry.batch;
const numTokens = sequences * length;
const threads = Number(flags.threads);
const numMicro = Number(flags['micro-batches']);

const peakBytesBeforeModel = resourceUsage().maxRSS * 1024;
const opened = openNativeBackend({ threads });
if (!opened.backend) throw new Error(opened.why);
const { backend } = opened;
const config = configFromHf(entry.config);
const store = backend.createStore(storeSpecs(config, 'adamw'));
initialise(store, config, { std: entry.config.initializer_range, seed: 1 });
const optimizer = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1 };
const options = { ...optimizer, clipNorm: 1, balanceLoss: 0, recompute: flags.recompute };
const step = await TrainingStep.load(backend, config, store, options, numTokens / numMicro);

/** Sequences `first` and following of a step's tokens. Each token predicts the next. */
function batch(index, first, numSequences) {
  const ids = benchTokens(config.vocabSize, numTokens, index);
  const tokens_T = ids.slice(first * length, (first + numSequences) * length);
  return {
    tokens_T,
    targets_T: tokens_T.map((_, t) => ((t + 1) % length === 0 ? -1 : tokens_T[t + 1])),
    positions_T: tokens_T.map((_, t) => t % length),
    sequences_T: tokens_T.map((_, t) => Math.floor(t / length)),
    lossWeights_T: new Float32Array(tokens_T.length).fill(1),
    numBytes: 0,
  };
}

const [steps, warmup] = [Number(flags.steps), Number(flags.warmup)];
const [seconds, losses] = [[], []];
const perMicro = sequences / numMicro;
/** Seconds of each instruction when the clock starts: memory is touched for the first time in warm-up steps. */
let before;
for (let i = 0; i < warmup + steps; i++) {
  if (i === warmup) before = secondsOf(step.programs);
  const batches = Array.from({ length: numMicro }, (_, part) => batch(i, part * perMicro, perMicro));
  const start = performance.now();
  const { loss, gradientNorm } = await step.gradients(batches);
  await step.update(3e-4, gradientNorm, i);
  seconds.push((performance.now() - start) / 1000);
  losses.push(loss);
  console.error(`step ${i}: loss ${loss.toFixed(4)}, ${seconds[i].toFixed(2)} s`);
}
const rates = seconds
  .slice(warmup)
  .map((s) => numTokens / s)
  .sort((a, b) => a - b);
// Measuring the machine takes memory of its own.
const peakBytes = resourceUsage().maxRSS * 1024;
const { floatMultipliesPerSecond } = measureLimits(threads);
const flops = flopsPerToken(entry.config, length).total;
const median = rates[Math.floor(rates.length / 2)];
console.log(
  JSON.stringify({
    who: 'dots.ts',
    version: backend.description,
    threads,
    tokensPerSecond: { median, min: rates[0], max: rates[rates.length - 1] },
    percentOfPeak: (100 * median * flops) / (2 * floatMultipliesPerSecond),
    stepMs: seconds.map((s) => Math.round(1000 * s)),
    losses,
    peakBytes,
    peakBytesBeforeModel,
    workingBytes: step.workingBytes,
    storeBytes: store.sizeBytes,
  }),
);
if (flags.profile) printProfile(step.programs, { T: numTokens / numMicro }, steps, floatMultipliesPerSecond);

function secondsOf(programs) {
  return Object.fromEntries(
    Object.entries(programs).map(([name, executable]) => [name, executable.instructionSeconds()]),
  );
}

/** Multiply-adds of an instruction, where products are what it does. */
function multiplies({ op, inputs, output }, shapeOf) {
  const size = (shape) => shape.reduce((a, b) => a * b, 1);
  const shapes = inputs.map(shapeOf);
  switch (op) {
    case 'linear':
    case 'linearGradInput':
      return size(shapeOf(output)) * (op === 'linear' ? shapes[0][1] : shapes[0][1]);
    case 'groupedLinear':
      return size(shapeOf(output)) * shapes[1][2];
    case 'groupedLinearGradInput':
      return size(shapes[0]) * shapes[1][2];
    case 'accumulateLinear':
      return size(shapes[0]) * shapes[1][0];
    case 'accumulateGroupedLinear':
      return size(shapes[1]) * shapes[2][1];
    case 'linearCrossEntropyGrad':
      return 3 * size(shapes[1]) * shapes[2][0];
    case 'causalAttention':
      return size(shapes[0]) * (length + 1);
    case 'causalAttentionGrad':
      return 2.5 * size(shapes[1]) * (length + 1);
    default:
      return 0;
  }
}

function printProfile(programs, bindings, numSteps, peak) {
  const rows = new Map();
  for (const [name, executable] of Object.entries(programs)) {
    const { program } = executable;
    const taken = executable.instructionSeconds().map((seconds, i) => seconds - (before[name][i] ?? 0));
    const shapeOf = (id) => evaluateShape(program.values[id].shape, bindings);
    // Products that ran as one loop stand at the first of them.
    let loop;
    program.instructions.forEach((instruction, i) => {
      const isProduct = instruction.op === 'linear' || instruction.op === 'groupedLinear';
      if (!isProduct || taken[i] > 0)
        loop = isProduct ? `${name}: ${instruction.op} and beside` : `${name}: ${instruction.op}`;
      const row = rows.get(loop) ?? { seconds: 0, multiplies: 0, count: 0 };
      row.seconds += (taken[i] ?? 0) / numSteps;
      row.multiplies += name === 'step' ? multiplies(instruction, shapeOf) * numMicro : 0;
      row.count++;
      rows.set(loop, row);
    });
  }
  const total = [...rows.values()].reduce((sum, row) => sum + row.seconds, 0);
  console.error(`${'op'.padEnd(40)} ${'ms'.padStart(9)} share  of peak`);
  for (const [op, row] of [...rows].sort((a, b) => b[1].seconds - a[1].seconds)) {
    if (row.seconds === 0) continue;
    const share = ((100 * row.seconds) / total).toFixed(1).padStart(5);
    const ofPeak = row.multiplies
      ? `${((100 * row.multiplies) / row.seconds / peak).toFixed(0)} %`.padStart(6)
      : '';
    console.error(
      `${`${op} (${row.count})`.padEnd(40)} ${(1000 * row.seconds).toFixed(1).padStart(9)} ${share} ${ofPeak}`,
    );
  }
  console.error(`all instructions ${(1000 * total).toFixed(0)} ms a step`);
}
