import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Closable, closeAll } from '../core/closing.ts';
import { UsageError } from '../core/errors.ts';
import { formatCount, formatParameters } from '../core/units.ts';
import { hasConversations } from '../data/data-node.ts';
import { openData, openValidation } from '../data/open-data.ts';
import { openModelFiles } from '../engine/model-files.ts';
import { chooseBackend } from '../engine/open.ts';
import { parseJson } from '../format/json.ts';
import { checkSameVocabulary } from '../format/token-shard.ts';
import { isHubName } from '../hub/name.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { bindWeights } from '../model/bind-weights.ts';
import { checkConfig } from '../model/config.ts';
import { inHfOrder } from '../model/row-order.ts';
import { countParameters } from '../model/weights.ts';
import { copyWeights } from '../train/parameters.ts';
import { runChanges } from '../train/run-changes.ts';
import { checkWithinRun, type RunConfig, readRunConfig } from '../train/run-config.ts';
import { RunFolder } from '../train/run-folder.ts';
import { type TrainerOptions, type TrainingResult, train } from '../train/trainer.ts';
import { type CommonFlags, openOptions } from './options.ts';
import { resolveModel } from './resolve-model.ts';
import type { Session } from './session.ts';
import { describeFirstStep, describeRecord } from './train-lines.ts';
import { loadRunTokenizer, type RunTokenizer } from './train-tokenizer.ts';

export interface TrainFlags extends CommonFlags {
  readonly resume?: boolean;
}

/** `dots train`: a run from its JSON file, to its last token or until it is interrupted. */
export async function trainCommand(session: Session, file: string, flags: TrainFlags): Promise<void> {
  await runTraining(session, file, await readRunFile(file), flags);
}

/** `dots sft`: the same, for a run that begins with a model and has conversations to learn from. */
export async function sftCommand(session: Session, file: string, flags: TrainFlags): Promise<void> {
  const read = await readRunFile(file);
  const { run } = read;
  const hasChat = [run, ...run.laterData].some(({ data }) => hasConversations(data.documents));
  if (run.initFrom === undefined || !hasChat) {
    throw new UsageError(
      `Cannot fine-tune with ${file}: it has no ${hasChat ? '"initFrom"' : '"chat" in its data'}`,
      {
        code: 'bad-run',
        hint: 'fine-tuning needs initial weights and conversations; see docs/training.md',
      },
    );
  }
  await runTraining(session, file, read, flags);
}

/** Nobody can fetch what its user wrote. */
const HINT = 'correct the file there: it is UTF-8 text in JSON, without comments and trailing commas';

/** Throws one `UsageError` with everything that is wrong with the file. */
export async function readRun(file: string): Promise<RunConfig> {
  return (await readRunFile(file)).run;
}

interface RunFile {
  readonly run: RunConfig;
  readonly json: unknown;
}

async function readRunFile(file: string): Promise<RunFile> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new UsageError(`Cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      code: 'file-not-found',
      hint: 'give the JSON file of a run; docs/training.md describes it',
      cause,
    });
  });
  const json = parseJson(bytes, file, { uniqueKeys: true, hint: HINT });
  return { run: readRunConfig(json, file), json };
}

async function runTraining(
  session: Session,
  file: string,
  { run, json }: RunFile,
  flags: TrainFlags,
): Promise<void> {
  // Paths in a run begin where its file lies.
  const base = dirname(resolve(file));
  const folder = await RunFolder.open(resolve(base, run.out));
  const opened: Closable[] = [await folder.lock()];
  const progress = session.progress('training', 'tokens', flags);
  try {
    const resumeFrom = await findCheckpoint(session, folder, flags);
    const say = (text: string): void => {
      if (!flags.json) session.note(text);
    };
    const start = await openStart(session, run, base, opened);
    const tokenizer = await loadRunTokenizer(run, base, start?.files);
    if (!tokenizer)
      session.warn('the run names no "tokenizer": its checkpoints will take token ids only, and cannot chat');
    say('reading the data');
    const data = await openRunData(session, run, base, tokenizer, opened);
    const model = modelOf(run, start?.config, data.vocabSize, file);
    const totalTokens = lengthOf(run, data.numTokens, file);
    checkWithinRun(run, totalTokens);
    if (resumeFrom) reportChanges(session, await folder.readRun(), json);
    await folder.writeRun(json);
    const parameters = countParameters(model);
    session.note(
      `${formatParameters(parameters.total)} parameters, ${formatParameters(parameters.active)} active; ` +
        `${formatCount(totalTokens)} tokens, ${passes(totalTokens / data.numTokens)} over the data it begins with, ` +
        `${totalTokens % run.batch[0].tokens === 0 ? '' : `rounded up to whole steps of ${formatCount(run.batch[0].tokens)}, `}` +
        `in micro-batches of ${formatCount(run.microBatchTokens)}` +
        `${resumeFrom ? `; resumes from ${resumeFrom}` : ''}`,
    );
    let detail = '';
    let isFirst = true;
    const options: TrainerOptions = {
      run,
      model,
      folder,
      totalTokens,
      backend: await chooseBackend({
        ...openOptions(flags, session),
        onWarning: (message) => session.warn(message),
      }),
      stages: data.stages,
      validation: data.validation,
      tokenizer: tokenizer?.files,
      resumeFrom,
      signal: session.signal,
      onWarning: (text) => session.warn(text),
      onStep: (done, step) => {
        if (isFirst) say(describeFirstStep(done, step, totalTokens));
        isFirst = false;
        // Elsewhere than on a terminal the lines of the log say how far it is.
        if (session.io.stderr.isTTY === true) progress.update(done.tokens, totalTokens, detail);
      },
      onRecord: (record) => {
        const line = describeRecord(record);
        if (record.type === 'step') detail = `loss ${(record.loss as number).toFixed(3)}`;
        if (line) say(line);
        if (record.type === 'start' && record.tokens !== totalTokens)
          say('training; the first step takes longest');
      },
      ...(start && { begin: (store) => copyWeights(store, start.weights, start.config) }),
    };
    const result = await train(options);
    progress.clear();
    await report(session, result, flags);
  } finally {
    progress.clear();
    await closeAll(opened);
  }
}

function reportChanges(session: Session, before: unknown, now: unknown): void {
  const changes = before === undefined ? [] : runChanges(before, now);
  if (changes.length > 0)
    session.warn(`the run has changed since it was started last: ${changes.join('; ')}`);
}

/** Tokens of a run. Throws `UsageError` where passes over the data are less than a step: that would see the data many times. */
function lengthOf({ tokens, epochs = 0, batch }: RunConfig, numTokens: number, file: string): number {
  if (tokens !== undefined) return tokens;
  const total = Math.max(1, Math.round(epochs * numTokens));
  const [{ tokens: stepTokens }] = batch;
  if (total >= stepTokens) return total;
  throw new UsageError(
    `Cannot train with ${file}: ${passes(epochs)} over its data are ${formatCount(total)} tokens, less than a step, which has ` +
      `${formatCount(stepTokens)}`,
    {
      code: 'bad-run',
      hint: 'lower "batch.tokens" and "microBatchTokens" (and "data.sequenceLength"), raise "epochs", or give "tokens"',
    },
  );
}

function passes(count: number): string {
  const text = count < 9.95 ? String(Number(count.toPrecision(2))) : formatCount(Math.round(count));
  return `${text} ${text === '1' ? 'pass' : 'passes'}`;
}

/** The newest checkpoint, if the run may resume from one. */
async function findCheckpoint(
  session: Session,
  folder: RunFolder,
  { resume = false }: TrainFlags,
): Promise<string | undefined> {
  const newest = (await folder.checkpoints()).at(-1);
  if (newest !== undefined && !resume) {
    throw new UsageError(`Cannot begin in ${folder.path}: it has checkpoints of an earlier run`, {
      code: 'output-exists',
      hint: 'continue it with --resume, or give another folder in "out"',
    });
  }
  if (newest === undefined && resume)
    session.note('there is no checkpoint yet: the run starts from the beginning');
  return newest;
}

/** The model that a run begins with. */
async function openStart(session: Session, run: RunConfig, base: string, opened: Closable[]) {
  if (run.initFrom === undefined) return undefined;
  const path =
    run.initFrom === 'mini' || isHubName(run.initFrom)
      ? await resolveModel(session, run.initFrom, {})
      : resolve(base, run.initFrom);
  const files = await openModelFiles(path);
  opened.push(files);
  const { weights } = bindWeights(files.config, files.tensors, files.format, files.origin);
  return { config: files.config, weights, files };
}

function modelOf(
  run: RunConfig,
  start: ModelConfig | undefined,
  vocabSize: number,
  file: string,
): ModelConfig {
  const model = start
    ? {
        ...inHfOrder(start).config,
        ...(run.contextLength !== undefined && { contextLength: run.contextLength }),
        ...(run.ropeTheta !== undefined && { ropeTheta: run.ropeTheta }),
      }
    : { vocabSize, ...(run.model as Omit<ModelConfig, 'vocabSize'>) };
  if (model.vocabSize < vocabSize) {
    throw new UsageError(
      `The data of ${file} has ${formatCount(vocabSize)} different tokens, the model only ${formatCount(model.vocabSize)}`,
      { code: 'bad-run', hint: 'make the data with the tokenizer of the model' },
    );
  }
  return checkConfig(model, file);
}

async function openRunData(
  session: Session,
  run: RunConfig,
  base: string,
  tokenizer: RunTokenizer | undefined,
  opened: Closable[],
) {
  const options = {
    folder: base,
    signal: session.signal,
    tokenizer: tokenizer?.tokenizer,
    ...(tokenizer && { template: tokenizer.template }),
  };
  const all = [{ from: 0, data: run.data }, ...run.laterData];
  const stages = [];
  for (const { from, data } of all) {
    const one = await openData(data, options);
    opened.push(one);
    if (one.numTooLong > 0)
      session.warn(
        `${formatCount(one.numTooLong)} conversations are skipped: their first answer does not end within ` +
          `${formatCount(data.sequenceLength)} tokens ("sequenceLength")`,
      );
    if (one.numShortened > 0)
      session.warn(
        `${formatCount(one.numShortened)} conversations lose later answers: they do not end within ` +
          `${formatCount(data.sequenceLength)} tokens ("sequenceLength")`,
      );
    stages.push({ from, ...one });
  }
  const validation = await openValidation(run.validation.shards, run.data.sequenceLength, base);
  opened.push(validation);
  const vocabularies = [...stages.map(({ vocabulary }) => vocabulary), ...validation.vocabularies];
  checkSameVocabulary(vocabularies);
  return {
    stages: stages.map(({ from, source, identity }) => ({ from, source, identity })),
    validation: validation.sets,
    vocabSize: vocabularies[0].vocabSize,
    numTokens: stages[0].numTokens,
  };
}

async function report(session: Session, result: TrainingResult, { json }: TrainFlags): Promise<void> {
  const { steps, tokens, loss, validation, tokensPerSecond, checkpoint } = result;
  const validLoss = validation?.loss ?? null;
  const bitsPerByte = validation?.bitsPerByte ?? null;
  if (json) {
    await session.json({
      ...{ steps, tokens, loss, validLoss, bitsPerByte },
      validation: validation?.sets ?? {},
      tokensPerSecond: Math.round(tokensPerSecond),
      checkpoint,
    });
    return;
  }
  const measured = validation ? `, held-out loss ${validation.loss.toFixed(4)}` : '';
  await session.line(
    `${formatCount(steps)} steps, ${formatCount(tokens)} tokens: loss ${loss.toFixed(4)}${measured}`,
  );
  await session.line(checkpoint);
}
