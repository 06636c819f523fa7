import type { Backend } from '../backend/backend.ts';
import type { Store } from '../backend/store.ts';
import { closeAll, closeOnThrow } from '../core/closing.ts';
import { ResourceError } from '../core/errors.ts';
import type { ValidationSet } from '../data/open-data.ts';
import type { JsonValue } from '../format/json.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { configToHf } from '../model/config-hf.ts';
import { type RoutedLayer, routedLayers } from '../model/weights.ts';
import { type Balance, resolveBalance, updateBias } from './balance.ts';
import { BatchFeed, type DataStage, type GlobalBatch } from './batch-feed.ts';
import {
  type Progress,
  readCheckpoint,
  readProgress,
  type TokenizerFiles,
  writeCheckpoint,
} from './checkpoint.ts';
import { IntervalLog } from './interval-log.ts';
import { findDivergence } from './judgement.ts';
import { initialise, storeSpecs } from './parameters.ts';
import { type RunConfig, resolveSchedule } from './run-config.ts';
import type { LogRecord, RunFolder } from './run-folder.ts';
import { batchTokens, type LearningRateSchedule, learningRate } from './schedule.ts';
import { TrainingPrograms } from './training-programs.ts';
import { type ValidationResult, validate } from './validation.ts';

export interface TrainerOptions {
  readonly run: RunConfig;
  readonly model: ModelConfig;
  readonly backend: Backend;
  readonly folder: RunFolder;
  /** Data by the tokens from which it is used; the first from 0. */
  readonly stages: readonly DataStage[];
  readonly validation: readonly ValidationSet[];
  /** Length of the run. */
  readonly totalTokens: number;
  readonly tokenizer?: TokenizerFiles | undefined;
  /** The checkpoint to resume from. Else `begin` may fill the parameters in another way than at random. */
  readonly resumeFrom?: string | undefined;
  readonly begin?: ((store: Store) => Promise<void>) | undefined;
  readonly onStep?: (progress: Progress, step: StepFacts) => void;
  /** One sentence each. */
  readonly onWarning?: (text: string) => void;
  readonly onRecord?: (record: LogRecord) => void;
  readonly signal?: AbortSignal;
}

/** A step that is done. */
export interface StepFacts {
  readonly loss: number;
  readonly tokens: number;
  readonly ms: number;
}

export interface TrainingResult {
  readonly steps: number;
  readonly tokens: number;
  /** Of the last step. */
  readonly loss: number;
  readonly validation: ValidationResult | undefined;
  /** Of this process, without measuring and saving. */
  readonly tokensPerSecond: number;
  readonly checkpoint: string;
}

/** Train until all tokens are seen. Interrupted, it saves what it has before it throws the signal's reason. */
export async function train(options: TrainerOptions): Promise<TrainingResult> {
  const trainer = await Trainer.open(options);
  try {
    return await trainer.run();
  } finally {
    await trainer.close();
  }
}

class Trainer {
  private readonly options: TrainerOptions;
  private readonly schedule: LearningRateSchedule;
  private readonly store: Store;
  private readonly programs: TrainingPrograms;
  private readonly feed: BatchFeed;
  private readonly interval: IntervalLog;
  private readonly routedLayers: readonly RoutedLayer[];
  private readonly balance: Balance;
  private progress: Progress;
  private savedStep = -1;
  private saved: string | undefined;
  private validation: ValidationResult | undefined;
  private loss = Number.NaN;
  private gradientNorm = Number.NaN;
  private firstLoss: number | undefined;

  private constructor(options: TrainerOptions, store: Store, programs: TrainingPrograms) {
    this.options = options;
    this.schedule = resolveSchedule(options.run.learningRate, options.totalTokens);
    this.store = store;
    this.programs = programs;
    this.feed = new BatchFeed(options.stages);
    this.interval = new IntervalLog(options.model, store);
    this.routedLayers = routedLayers(options.model);
    this.balance = resolveBalance(options.run.balance, options.model);
    this.progress = { step: 0, tokens: 0, positions: this.feed.positions() };
  }

  static async open(options: TrainerOptions): Promise<Trainer> {
    const { run, model, backend } = options;
    const balance = resolveBalance(run.balance, model);
    // What no checkpoint could say is better refused before a step than after a thousand.
    configToHf(model, [], 'float32');
    return closeOnThrow(async (own) => {
      const store = own(backend.createStore(storeSpecs(model, run.optimizer.type)));
      const programs = own(
        await TrainingPrograms.load(
          backend,
          model,
          store,
          { ...run.optimizer, balanceLoss: balance.lossFactor, recompute: run.recompute },
          run.microBatchTokens,
        ),
      );
      const trainer = new Trainer(options, store, programs);
      await trainer.start();
      return trainer;
    });
  }

  private async start(): Promise<void> {
    const { run, model, folder, resumeFrom, begin } = this.options;
    if (resumeFrom === undefined) {
      if (begin) await begin(this.store);
      else initialise(this.store, model, run.init);
      await folder.cutLog(-1);
    } else {
      this.progress = await readCheckpoint(resumeFrom, this.store, model, run.optimizer.type);
      this.firstLoss = this.progress.firstLoss;
      this.feed.checkIdentities(this.progress.data ?? [], this.progress.tokens, resumeFrom);
      this.compareRate();
      await this.feed.seek(this.progress.positions, resumeFrom);
      await folder.cutLog(this.progress.step);
      await this.recall();
      this.saved = resumeFrom;
      this.savedStep = this.progress.step;
    }
    await this.record({
      type: 'start',
      step: this.progress.step,
      tokens: this.progress.tokens,
      totalTokens: this.options.totalTokens,
      backend: this.options.backend.description,
      storeBytes: this.store.sizeBytes,
      workingBytes: this.programs.workingBytes,
    });
  }

  /** A longer run, or another schedule, may raise a rate that had come down. */
  private compareRate(): void {
    const { nextLearningRate: before } = this.progress;
    const now = this.nextRate();
    if (before === undefined || Math.abs(now - before) <= 0.01 * Math.max(now, before)) return;
    this.options.onWarning?.(
      `the learning rate continues at ${now.toExponential(2)} instead of ${before.toExponential(2)}: the length of the run or ` +
        'its schedule is not what it was when the checkpoint was written',
    );
  }

  private nextRate(): number {
    const { step, tokens } = this.progress;
    return learningRate(this.schedule, step, tokens, this.options.totalTokens);
  }

  /** Result of a run that is resumed after its last step. */
  private async recall(): Promise<void> {
    for (const record of await this.options.folder.readLog()) {
      if (record.type === 'step') this.loss = record.lastLoss as number;
      if (record.type === 'validation' && record.step === this.progress.step)
        this.validation = record as unknown as ValidationResult;
    }
  }

  async run(): Promise<TrainingResult> {
    const { run, totalTokens, signal } = this.options;
    let upcoming = this.take(this.progress.tokens);
    try {
      while (this.progress.tokens < totalTokens) {
        const batch = await upcoming;
        const end = this.progress.tokens + batch.microBatches.length * run.microBatchTokens;
        // The next batch is read while this one computes.
        upcoming = this.take(end);
        await this.trainStep(batch, end);
        const isLast = end >= totalTokens;
        const isDue = (every: number): boolean => isLast || this.progress.step % every === 0;
        const isKept = this.isKept(end);
        if (isDue(run.logEverySteps) || isDue(run.checkpoint.everySteps) || isKept) await this.logInterval();
        if (isDue(run.validation.everySteps)) await this.validate();
        if (isDue(run.checkpoint.everySteps) || isKept) await this.save();
      }
    } catch (error) {
      if (signal?.aborted && this.progress.step > this.savedStep) await this.save();
      throw error;
    } finally {
      await upcoming.catch(() => undefined);
    }
    return {
      steps: this.progress.step,
      tokens: this.progress.tokens,
      loss: this.loss,
      validation: this.validation ?? (await this.validate()),
      tokensPerSecond: this.interval.tokensPerSecond,
      checkpoint: this.saved ?? (await this.save()),
    };
  }

  async close(): Promise<void> {
    await closeAll([this.store, this.programs]);
  }

  private async trainStep({ microBatches, positions }: GlobalBatch, end: number): Promise<void> {
    const { signal, onStep } = this.options;
    const { step, tokens } = this.progress;
    const startMs = performance.now();
    const result = await this.programs.gradients(microBatches, signal);
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradientNorm))
      throw await this.diverged(result.loss, result.gradientNorm);
    const rate = this.nextRate();
    await this.programs.update(rate, result.gradientNorm, step);
    for (const { layer, bias } of this.routedLayers) {
      const counts_E = result.counts.get(layer);
      if (bias !== undefined && counts_E) updateBias(this.store.array(bias), counts_E, this.balance.biasRate);
    }
    this.loss = result.loss;
    this.gradientNorm = result.gradientNorm;
    this.firstLoss ??= result.loss;
    this.progress = { step: step + 1, tokens: end, positions };
    const ms = performance.now() - startMs;
    this.interval.add(result, rate, end - tokens, ms);
    onStep?.(this.progress, { loss: result.loss, tokens: end - tokens, ms });
  }

  private take(tokens: number): Promise<GlobalBatch> {
    const { run } = this.options;
    const taken = this.feed.take(tokens, batchTokens(run.batch, tokens), run.microBatchTokens);
    // It may fail while nobody waits for it yet.
    taken.catch(() => undefined);
    return taken;
  }

  private async logInterval(): Promise<void> {
    const { step, tokens } = this.progress;
    const record = this.interval.finish(step, tokens);
    if (record) await this.record(record);
  }

  private async validate(): Promise<ValidationResult | undefined> {
    const { run, validation, signal } = this.options;
    if (validation.length === 0) return undefined;
    const { step, tokens } = this.progress;
    const limits = { maxTokens: run.validation.tokens, batchTokens: run.microBatchTokens };
    this.validation = await validate(this.programs, validation, limits, signal);
    await this.record({ type: 'validation', step, tokens, ...this.validation });
    return this.validation;
  }

  private async save(): Promise<string> {
    const { run, folder, model, tokenizer, onWarning } = this.options;
    const { step, tokens, positions } = this.progress;
    const problem = this.judge();
    if (problem !== undefined) onWarning?.(`the run seems to diverge at step ${step}: ${problem}`);
    const contents = {
      store: this.store,
      config: model,
      optimizer: run.optimizer.type,
      progress: {
        ...{ step, tokens, positions, isKept: this.isKept(tokens) },
        ...(problem !== undefined && { problem }),
        ...(this.firstLoss !== undefined && { firstLoss: this.firstLoss }),
        nextLearningRate: this.nextRate(),
        data: this.feed.identities(),
      },
      tokenizer,
    };
    const path = await folder.writeCheckpoint(step, (target, subFolder) =>
      writeCheckpoint(target, subFolder, contents),
    );
    this.saved = path;
    this.savedStep = step;
    await this.removeOlder(path);
    await this.record({ type: 'checkpoint', step, tokens, path });
    return path;
  }

  private judge(): string | undefined {
    const { loss, gradientNorm, firstLoss = loss } = this;
    // Nothing was computed since the checkpoint that the run began with.
    if (Number.isNaN(gradientNorm)) return undefined;
    return findDivergence(this.store, this.options.model, { loss, gradientNorm, firstLoss });
  }

  /** Of those before `path`, the newest good one stays: `path` may turn out to be the beginning of the end. */
  private async removeOlder(path: string): Promise<void> {
    const { folder } = this.options;
    let hasGood = false;
    for (const older of (await folder.checkpoints()).reverse()) {
      // A step that comes again has no later ones.
      if (older >= path) continue;
      const { isKept, problem } = await readProgress(older);
      if (!hasGood && problem === undefined) hasGood = true;
      else if (isKept !== true) await folder.removeCheckpoint(older);
    }
  }

  /** Whether the step that ended at `end` tokens is the first to reach one of the counts that are kept. */
  private isKept(end: number): boolean {
    const { run } = this.options;
    const begin = end - this.interval.lastStepTokens;
    return run.checkpoint.keepAtTokens.some((count) => count > begin && count <= end);
  }

  private async record(record: LogRecord): Promise<void> {
    await this.options.folder.log(record);
    this.options.onRecord?.(record);
  }

  private async diverged(loss: number, norm: number): Promise<ResourceError> {
    const { step, tokens, positions } = this.progress;
    const what = Number.isFinite(loss) ? `the norm of the gradients is ${norm}` : `the loss is ${loss}`;
    const at: JsonValue = positions;
    return new ResourceError(
      `Training stopped at step ${step + 1}, after ${tokens} tokens: ${what}; its data begins at ${JSON.stringify(at)}`,
      {
        code: 'not-finite',
        hint: await this.wayOut(),
      },
    );
  }

  private async wayOut(): Promise<string> {
    const bad: string[] = [];
    for (const path of (await this.options.folder.checkpoints()).reverse()) {
      const { problem } = await readProgress(path);
      if (problem !== undefined) {
        bad.push(path);
        continue;
      }
      const first = bad.length > 0 ? `delete ${bad.join(' and ')}, which had diverged already, ` : '';
      return `the last good checkpoint is ${path}; ${first}lower the learning rate and continue with --resume`;
    }
    return bad.length > 0
      ? 'every checkpoint had diverged already; begin anew with a lower learning rate'
      : 'lower the learning rate, or look at the data';
  }
}
