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
import { benchTokens, flopsPerToken, trainConfigs } from './train-work.mjs';

// What is built runs; the types are those of its source, which is there before anything is built.
/** @param {string} file */
const built = (file) => import(new URL(`../dist/${file}`, import.meta.url).href);
/** @type {typeof import('../src/backend/native/limits.ts')} */
const { measureLimits } = await built('backend/native/limits.js');
/** @type {typeof import('../src/backend/native/native-backend.ts')} */
const { openNativeBackend } = await built('backend/native/native-backend.js');
/** @type {typeof import('../src/graph/dim.ts')} */
const { evaluateShape } = await built('graph/dim.js');
/** @type {typeof import('../src/model/config-hf.ts')} */
const { configFromHf } = await built('model/config-hf.js');
/** @type {typeof import('../src/train/parameters.ts')} */
const { initialise, storeSpecs } = await built('train/parameters.js');
/** @type {typeof import('../src/train/training-programs.ts')} */
const { TrainingPrograms } = await built('train/training-programs.js');

/**
 * @typedef {import('../src/backend/backend.ts').Executable} Executable
 * @typedef {import('../src/compile/program.ts').Program} Program
 * @typedef {import('../src/compile/program.ts').Instruction} Instruction
 * @typedef {Executable & { readonly program: Program, instructionSeconds: () => Float64Array }} NativeExecutable
 * @typedef {Record<string, NativeExecutable>} Programs
 */

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
const optimizer = {
  type: /** @type {const} */ ('adamw'),
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  momentum: 0,
};
const options = { ...optimizer, clipNorm: 1, balanceLoss: 0, recompute: flags.recompute };
const training = await TrainingPrograms.load(backend, config, store, options, numTokens / numMicro);
// Those of the native backend also report how long each instruction took.
const programs = /** @type {Programs} */ (/** @type {Record<string, Executable>} */ (training.programs));

/**
 * Sequences `first` and following of a step's tokens. Each token predicts the next.
 * @param {number} index
 * @param {number} first
 * @param {number} numSequences
 */
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
/** @type {number[]} */
const seconds = [];
/** @type {number[]} */
const losses = [];
const perMicro = sequences / numMicro;
/** Seconds of each instruction when the clock starts: memory is touched for the first time in warm-up steps. */
let before = secondsOf(programs);
for (let i = 0; i < warmup + steps; i++) {
  if (i === warmup) before = secondsOf(programs);
  const batches = Array.from({ length: numMicro }, (_, part) => batch(i, part * perMicro, perMicro));
  const start = performance.now();
  const { loss, gradientNorm } = await training.gradients(batches);
  await training.update(3e-4, gradientNorm, i);
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
const limits = measureLimits(threads);
if (!limits) throw new Error('the native backend is not built');
const flops = flopsPerToken(entry.config, length).total;
const median = rates[Math.floor(rates.length / 2)];
console.log(
  JSON.stringify({
    who: 'dots.ts',
    version: backend.description,
    threads,
    tokensPerSecond: { median, min: rates[0], max: rates[rates.length - 1] },
    percentOfPeak: (100 * median * flops) / (2 * limits.floatMultipliesPerSecond),
    stepMs: seconds.map((s) => Math.round(1000 * s)),
    losses,
    peakBytes,
    peakBytesBeforeModel,
    workingBytes: training.workingBytes,
    storeBytes: store.sizeBytes,
  }),
);
if (flags.profile) printProfile({ T: numTokens / numMicro }, steps, limits.floatMultipliesPerSecond);

/** @param {Programs} of */
function secondsOf(of) {
  return Object.fromEntries(
    Object.entries(of).map(([name, executable]) => [name, executable.instructionSeconds()]),
  );
}

/**
 * Multiply-adds of an instruction, where products are what it does.
 * @param {Instruction} instruction
 * @param {(id: number) => number[]} shapeOf
 */
function multiplies({ op, inputs, output }, shapeOf) {
  /** @param {number[]} shape */
  const size = (shape) => shape.reduce((a, b) => a * b, 1);
  const shapes = inputs.map(shapeOf);
  switch (op) {
    case 'linear':
    case 'linearGradInput':
      return size(shapeOf(output)) * shapes[0][1];
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

/**
 * @param {{ T: number }} bindings
 * @param {number} numSteps
 * @param {number} peak
 */
function printProfile(bindings, numSteps, peak) {
  /** @type {Map<string, { seconds: number, multiplies: number, count: number }>} */
  const rows = new Map();
  for (const [name, executable] of Object.entries(programs)) {
    const { program } = executable;
    const taken = executable.instructionSeconds().map((total, i) => total - (before[name][i] ?? 0));
    const shapeOf = (/** @type {number} */ id) => evaluateShape(program.values[id].shape, bindings);
    // Products that ran as one loop are listed at the first of them.
    let loop = name;
    program.instructions.forEach((instruction, i) => {
      const isProduct = instruction.op === 'linear' || instruction.op === 'groupedLinear';
      if (!isProduct || taken[i] > 0)
        loop = isProduct ? `${name}: ${instruction.op} and next` : `${name}: ${instruction.op}`;
      const row = rows.get(loop) ?? { seconds: 0, multiplies: 0, count: 0 };
      row.seconds += (taken[i] ?? 0) / numSteps;
      row.multiplies += name === 'gradients' ? multiplies(instruction, shapeOf) * numMicro : 0;
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
