// A run is a JSON file; docs/training.md describes every field. Unknown fields are refused, all problems reported at once.

import { UsageError } from '../core/errors.ts';
import { type DataConfig, MAX_STEP_TOKENS, readDataConfig } from '../data/data-node.ts';
import { type Findings, ObjectReader } from '../format/object-reader.ts';
import type { Architecture, ModelConfig } from '../model/architecture.ts';
import { architectures } from '../model/architectures.ts';
import { checkConfig } from '../model/config.ts';
import type { BalanceConfig } from './balance.ts';
import type { OptimizerOptions } from './optimizer.ts';
import type { BatchStage, Decay, LearningRateSchedule } from './schedule.ts';

export interface RunConfig {
  /** Folder of the run: log, checkpoints. */
  readonly out: string;
  /** Without the vocabulary's size where the data is to decide it; undefined where `initFrom` decides everything. */
  readonly model: (Omit<ModelConfig, 'vocabSize'> & { readonly vocabSize?: number }) | undefined;
  /** A model to begin with, and what of it is changed for longer texts. */
  readonly initFrom: string | undefined;
  readonly contextLength: number | undefined;
  readonly ropeTheta: number | undefined;
  readonly tokenizer: string | undefined;
  readonly data: DataConfig;
  /** Other data from a number of tokens on, in ascending order. */
  readonly laterData: readonly { readonly from: number; readonly data: DataConfig }[];
  readonly validation: ValidationConfig;
  /** Length of the run: tokens, or passes over the data it begins with. */
  readonly tokens: number | undefined;
  readonly epochs: number | undefined;
  readonly batch: readonly BatchStage[];
  readonly microBatchTokens: number;
  readonly recompute: boolean;
  readonly learningRate: Omit<LearningRateSchedule, 'decays'> & { readonly decays: readonly DecayConfig[] };
  readonly optimizer: OptimizerOptions;
  readonly balance: BalanceConfig;
  readonly init: { readonly std: number; readonly embeddingStd: number; readonly seed: number };
  readonly checkpoint: { readonly everySteps: number; readonly keepAtTokens: readonly number[] };
  readonly logEverySteps: number;
}

/** A decay whose length is given in tokens, or as a share of the run. */
export interface DecayConfig extends Omit<Decay, 'tokens'> {
  readonly tokens: number | undefined;
  readonly share: number | undefined;
}

export interface ValidationConfig {
  readonly shards: readonly string[];
  /** Tokens of each shard that are measured. */
  readonly tokens: number;
  readonly everySteps: number;
}

/** Larger where sequences are longer. */
const DEFAULT_MICRO_BATCH = 4096;

/** Throws one `UsageError` with everything that is wrong. `origin` is the file's name. */
export function readRunConfig(json: unknown, origin: string): RunConfig {
  const findings: Findings = { subject: 'the run', problems: [], known: new Set() };
  const run = new ObjectReader(json, '', findings);
  const config = readFields(run);
  run.finish();
  if (findings.problems.length > 0) {
    throw new UsageError(`Cannot use ${origin} as a run: ${findings.problems.join('; ')}`, {
      code: 'bad-run',
      hint: 'docs/training.md describes every field of a run',
    });
  }
  if (config.model) checkConfig({ vocabSize: 1, ...config.model }, origin);
  return config;
}

/** Every field that a run may have, as a path. */
export function runFields(): string[] {
  const findings: Findings = { subject: 'the run', problems: [], known: new Set() };
  for (const { name } of architectures)
    readFields(new ObjectReader({ model: { architecture: name }, data: { knots: {} } }, '', findings));
  return [...findings.known];
}

function readFields(run: ObjectReader): RunConfig {
  const out = run.string('out');
  const hasModel = run.has('model');
  const initFrom = run.optionalString('initFrom');
  if (hasModel === (initFrom !== undefined) && run.has('out'))
    run.complain('it needs "model" or "initFrom", and only one of them');
  const data = run.object('data', readDataConfig);
  const model = readModel(run, hasModel, data.sequenceLength);
  const contextLength = run.optionalNumber('contextLength', { min: 1, integer: true });
  const ropeTheta = run.optionalNumber('ropeTheta', { min: 1 });
  if (hasModel && (contextLength ?? ropeTheta) !== undefined)
    run.complain('"contextLength" and "ropeTheta" must be fields of "model"');
  const tokens = run.optionalNumber('tokens', { min: 1, integer: true });
  const epochs = run.optionalNumber('epochs', { above: 0 });
  if ((tokens === undefined) === (epochs === undefined) && run.has('out'))
    run.complain('it needs "tokens" or "epochs", and only one of them');
  const laterData = run.objects('laterData', (later) => ({
    from: later.integer('from'),
    data: later.object('data', readDataConfig),
  }));
  for (const [i, { from }] of laterData.entries())
    if (i > 0 && from <= laterData[i - 1].from)
      run.complain('"laterData" must be in ascending order of "from"');
  const microBatchTokens = readMicroBatch(run, [data, ...laterData.map((later) => later.data)]);
  const batch = readBatch(run, microBatchTokens);
  return {
    out,
    model,
    initFrom,
    contextLength,
    ropeTheta,
    tokenizer: run.optionalString('tokenizer'),
    data,
    laterData,
    validation: run.object('validation', (validation) => ({
      shards: validation.strings('shards') ?? [],
      tokens: validation.integer('tokens', { fallback: 65_536 }),
      everySteps: validation.integer('everySteps', { fallback: 100 }),
    })),
    tokens,
    epochs,
    batch,
    microBatchTokens,
    recompute: run.boolean('recompute', false),
    learningRate: run.object('learningRate', readLearningRate),
    optimizer: run.object('optimizer', (optimizer) => ({
      type: optimizer.choice('type', ['adamw', 'muon'], 'adamw'),
      momentum: optimizer.number('momentum', { fallback: 0.95, max: 0.999999 }),
      beta1: optimizer.number('beta1', { fallback: 0.9, max: 0.999999 }),
      beta2: optimizer.number('beta2', { fallback: 0.95, max: 0.999999 }),
      eps: optimizer.number('eps', { fallback: 1e-8, above: 0 }),
      weightDecay: optimizer.number('weightDecay', { fallback: 0.1 }),
      clipNorm: optimizer.number('clipNorm', { fallback: 1, above: 0 }),
    })),
    balance: run.object('balance', (balance) => ({
      biasRate: balance.optionalNumber('biasRate'),
      lossFactor: balance.optionalNumber('lossFactor'),
    })),
    init: run.object('init', (init) => {
      const std = init.number('std', { fallback: 0.006, above: 0 });
      return {
        std,
        embeddingStd: init.number('embeddingStd', { fallback: std, above: 0 }),
        seed: init.integer('seed', { fallback: 0, min: 0 }),
      };
    }),
    checkpoint: run.object('checkpoint', (checkpoint) => ({
      everySteps: checkpoint.integer('everySteps', { fallback: 100 }),
      keepAtTokens: checkpoint.numbers('keepAtTokens') ?? [],
    })),
    logEverySteps: run.integer('logEverySteps', { fallback: 10 }),
  };
}

function readModel(run: ObjectReader, hasModel: boolean, sequenceLength: number): RunConfig['model'] {
  const names = architectures.map(({ name }) => name);
  if (!hasModel) return undefined;
  return run.object('model', (m) => {
    const name = m.choice('architecture', names, names[0]);
    const vocabSize = m.optionalNumber('vocabSize', { min: 1, integer: true });
    const chosen = architectures.find((one) => one.name === name) as Architecture;
    return { ...(vocabSize !== undefined && { vocabSize }), ...chosen.readRun(m, sequenceLength || 1) };
  });
}

/** Attention does not reach beyond a micro-batch: the longest sequence has to fit, and knotted ones must not be cut at all. */
function readMicroBatch(run: ObjectReader, all: readonly DataConfig[]): number {
  const longest = Math.max(...all.map(({ sequenceLength }) => sequenceLength || 1));
  const knotted = all.filter(({ documents }) => documents.kind === 'knots');
  const step = knotted.reduce(
    (multiple, { sequenceLength }) => leastCommonMultiple(multiple, sequenceLength || 1),
    1,
  );
  const fitting = Math.ceil(Math.max(DEFAULT_MICRO_BATCH, longest) / step) * step;
  const tokens = run.integer('microBatchTokens', { fallback: fitting, max: MAX_STEP_TOKENS });
  if (tokens < longest)
    run.complain(
      `"microBatchTokens" is ${tokens}, but sequences have up to ${longest} tokens ("data.sequenceLength"), and attention ` +
        'cannot reach beyond a micro-batch',
    );
  else if (tokens % step !== 0)
    run.complain(
      `"microBatchTokens" is ${tokens}, expected a multiple of ${step}, so that no knotted sequence is cut`,
    );
  return tokens;
}

function leastCommonMultiple(a: number, b: number): number {
  let [divisor, rest] = [a, b];
  while (rest !== 0) [divisor, rest] = [rest, divisor % rest];
  return (a / divisor) * b;
}

function readBatch(run: ObjectReader, microBatchTokens: number): BatchStage[] {
  const stages = run.objects('batch', (stage) => ({
    from: stage.integer('from', { fallback: 0, min: 0 }),
    tokens: stage.integer('tokens', { fallback: microBatchTokens }),
  }));
  if (stages.length === 0) return [{ from: 0, tokens: microBatchTokens }];
  if (stages[0].from !== 0) run.complain('the first entry of "batch" must be from 0');
  for (const [i, { from, tokens }] of stages.entries()) {
    if (i > 0 && from <= stages[i - 1].from) run.complain('"batch" must be in ascending order of "from"');
    if (tokens % microBatchTokens !== 0)
      run.complain(
        `a batch of ${tokens} tokens is not a multiple of "microBatchTokens", ${microBatchTokens}`,
      );
  }
  return stages;
}

function readLearningRate(rate: ObjectReader): RunConfig['learningRate'] {
  return {
    peak: rate.number('peak', { fallback: 3e-4, above: 0 }),
    warmupSteps: rate.integer('warmupSteps', { fallback: 0, min: 0 }),
    decays: rate.objects('decays', (decay): DecayConfig => {
      const tokens = decay.optionalNumber('tokens', { min: 1, integer: true });
      const share = decay.optionalNumber('share', { max: 1 });
      const to = decay.number('to', { fallback: 0 });
      const shape = decay.choice('shape', ['linear', 'cosine', 'exponential'], 'cosine');
      if (shape === 'exponential' && to === 0)
        decay.complain(
          'an exponential decay never reaches 0: give "to" a number above 0, or take another "shape"',
        );
      return { tokens, share: tokens === undefined ? (share ?? 1) : undefined, to, shape };
    }),
  };
}

/** Throws `UsageError` for what would never happen, because the run ends before it. */
export function checkWithinRun(run: RunConfig, totalTokens: number): void {
  const late = [
    ...run.laterData.map(({ from }) => `"laterData" from ${from}`),
    ...run.batch.map(({ from }) => `"batch" from ${from}`),
  ].filter((_, i) => [...run.laterData, ...run.batch][i].from >= totalTokens);
  const unreached = run.checkpoint.keepAtTokens
    .filter((count) => count > totalTokens)
    .map((count) => `"checkpoint.keepAtTokens" ${count}`);
  if (late.length + unreached.length === 0) return;
  throw new UsageError(
    `The run ends after ${totalTokens} tokens, before ${[...late, ...unreached].join(', ')}`,
    { code: 'bad-run', hint: 'make the run longer, or take out what it does not reach' },
  );
}

/** The schedule once the length of the run is known. Throws `UsageError` where its decays are longer than the run. */
export function resolveSchedule(
  config: RunConfig['learningRate'],
  totalTokens: number,
): LearningRateSchedule {
  const decays = config.decays.map(({ tokens, share, to, shape }) => ({
    tokens: tokens ?? Math.max(1, (share as number) * totalTokens),
    to,
    shape,
  }));
  const sum = decays.reduce((total, decay) => total + decay.tokens, 0);
  if (sum > totalTokens * (1 + 1e-9)) {
    throw new UsageError(`The learning rate decays over ${sum} tokens, but the run has ${totalTokens}`, {
      code: 'bad-run',
      hint: 'make the decays shorter, or the run longer',
    });
  }
  return { ...config, decays };
}
