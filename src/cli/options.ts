/** Options that several commands share, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../core/errors.ts';
import { parseBytes } from '../core/units.ts';
import type { GenerateOptions } from '../engine/generate.ts';
import type { OpenOptions } from '../engine/open.ts';
import { checkSamplingOptions } from '../engine/sampling-options.ts';
import type { TypeRule } from '../quantize/type-plan.ts';
import type { Session } from './session.ts';

export interface CommonFlags {
  readonly threads?: number;
  readonly backend?: 'native' | 'reference';
  readonly json?: boolean;
  readonly offline?: boolean;
}

export interface ModelFlags extends CommonFlags {
  readonly ctx?: number;
  readonly kvType?: 'f32' | 'f16' | 'q8_0';
  readonly expertCache?: number | 'auto' | 'off';
  readonly expertIo?: 'direct' | 'page';
}

export interface SamplingFlags {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly seed?: number;
  readonly stop?: string[];
  readonly ignoreEos?: boolean;
}

export const MODEL_OR_MINI = 'GGUF file, Hugging Face folder or hf:OWNER/REPO:QUANT (default: mini)';

/** Command lines that the help of a command shows. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ dots ${line}`).join('\n')}\n`;
}

/** Options of commands that run a model. */
export function addCommonOptions(command: Command): Command {
  return addThreadOptions(command, false);
}

/** Options of commands that only read and write files. They accept those of a backend, so that scripts may always pass them. */
export function addFileOptions(command: Command): Command {
  return addThreadOptions(command, true);
}

function addThreadOptions(command: Command, isHidden: boolean): Command {
  return command
    .addOption(
      new Option('--threads <N>', 'threads of the native backend (default: one per core)')
        .argParser(positive)
        .hideHelp(isHidden),
    )
    .addOption(
      new Option('--backend <NAME>', 'backend: native or reference (default: native if it was built)')
        .choices(['native', 'reference'])
        .hideHelp(isHidden),
    )
    .option('--offline', 'use downloaded models only (also: HF_HUB_OFFLINE=1)')
    .option('--json', 'print one JSON document on stdout');
}

export function addModelOptions(
  command: Command,
  kvType: NonNullable<ModelFlags['kvType']> = 'f16',
): Command {
  return command
    .addOption(
      new Option('--ctx <N>', 'context in tokens, prompt and answer (default: up to 4096)').argParser(
        positive,
      ),
    )
    .addOption(
      new Option('--kv-type <TYPE>', 'storage type of the KV cache: f16, q8_0 or f32')
        .choices(['f16', 'q8_0', 'f32'])
        .default(kvType),
    )
    .addOption(expertCacheOption())
    .addOption(expertIoOption());
}

export function expertCacheOption(): Option {
  return new Option(
    '--expert-cache <SIZE>',
    'memory for experts read from disk, auto or off (default: auto)',
  ).argParser((text) => {
    if (text === 'auto' || text === 'off') return text;
    const bytes = parseBytes(text);
    if (bytes !== undefined) return bytes;
    throw new InvalidArgumentError('It takes a size, for example 8GB, or auto or off');
  });
}

export function expertIoOption(): Option {
  return new Option(
    '--expert-io <MODE>',
    'reads of experts: direct, or page for the page cache (default: direct)',
  ).choices(['direct', 'page']);
}

/** `defaults` are texts for the help; the values are those of the engine or of the command. */
export function addSamplingOptions(
  command: Command,
  defaults = { maxTokens: 'rest of the context', seed: 'random' },
): Command {
  return command
    .option('-n, --max-tokens <N>', `most tokens of an answer (default: ${defaults.maxTokens})`, positive)
    .option('--temperature <X>', 'temperature; 0 is greedy decoding (default: model, else 1)', decimal)
    .option('--top-k <N>', 'sample from the N most likely tokens (default: model, else all)', integer)
    .option('--top-p <X>', 'total probability of the tokens to sample from (default: model, else 1)', decimal)
    .option('--min-p <X>', 'least probability relative to the highest (default: model, else 0)', decimal)
    .option('--repetition-penalty <X>', 'factor against repeated tokens (default: model, else 1)', decimal)
    .option('--presence-penalty <X>', 'penalty for tokens in the answer (default: 0)', decimal)
    .option('--frequency-penalty <X>', 'penalty per occurrence in the answer (default: 0)', decimal)
    .option('--seed <N>', `seed of sampling (default: ${defaults.seed})`, integer)
    .option('--stop <TEXT...>', 'end the answer before any of these strings')
    .option('--ignore-eos', 'continue after end-of-sequence tokens');
}

/** Options of `openEngine` from the flags. */
export function openOptions(flags: ModelFlags, session: Session): OpenOptions {
  const threads = chosenThreads(flags, session);
  return {
    signal: session.signal,
    ...(flags.backend !== undefined && { backend: flags.backend }),
    ...(threads !== undefined && { threads }),
    ...(flags.ctx !== undefined && { contextLength: flags.ctx }),
    ...(flags.kvType !== undefined && { kvType: flags.kvType }),
    ...(flags.expertCache !== undefined && { expertCache: flags.expertCache }),
    ...(flags.expertIo !== undefined && { expertIo: flags.expertIo }),
  };
}

/** Throws `UsageError` for values out of range, before a model is opened for nothing. */
export function generateOptions(flags: SamplingFlags): GenerateOptions {
  const { maxTokens, stop, ignoreEos, temperature, topK, topP, minP, seed } = flags;
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = flags;
  const options: GenerateOptions = {
    ...(maxTokens !== undefined && { maxTokens }),
    ...(stop !== undefined && { stop }),
    ...(ignoreEos !== undefined && { ignoreEos }),
    ...(temperature !== undefined && { temperature }),
    ...(topK !== undefined && { topK }),
    ...(topP !== undefined && { topP }),
    ...(minP !== undefined && { minP }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
    ...(presencePenalty !== undefined && { presencePenalty }),
    ...(frequencyPenalty !== undefined && { frequencyPenalty }),
    ...(seed !== undefined && { seed }),
  };
  try {
    checkSamplingOptions(options);
  } catch (error) {
    throw error instanceof UsageError ? namedAsFlag(error) : error;
  }
  return options;
}

/** `topP is 2` -> `--top-p is 2`: what was typed. */
function namedAsFlag(error: UsageError): UsageError {
  const message = error.message.replace(
    /^[a-zA-Z]+(?= is )/,
    (name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  );
  return new UsageError(message, { code: error.code, ...(error.hint !== undefined && { hint: error.hint }) });
}

/** `--threads`, else the environment's DOTS_THREADS, else undefined for all there are. */
export function chosenThreads(flags: CommonFlags, session: Session): number | undefined {
  if (flags.threads !== undefined) return flags.threads;
  const text = session.io.env.DOTS_THREADS;
  if (text === undefined || text === '') return undefined;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new UsageError(`The environment variable DOTS_THREADS is "${text}"`, {
    code: 'bad-threads',
    hint: 'set it to a number of threads, or unset it',
  });
}

/** `512` or `512,1024`. */
export function positiveList(text: string): number[] {
  return text.split(',').map((item) => positive(item.trim()));
}

export function countList(text: string): number[] {
  return text.split(',').map((item) => count(item.trim()));
}

/** Token ids: `1,2,3`, also with spaces. */
export function tokenList(text: string): number[] {
  const items = text.trim().split(/\s*,\s*|\s+/);
  if (items.every((item) => /^\d{1,10}$/.test(item))) return items.map(Number);
  throw new InvalidArgumentError('It takes token ids, for example 1,2,3');
}

export function positive(text: string): number {
  const value = integer(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError('It takes a whole number of 1 or more');
}

/** A whole number in a range, both ends included. */
export function between(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = integer(text);
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}`);
  };
}

/** `512MB`, `8GiB`. */
export function size(text: string): number {
  const value = parseBytes(text);
  if (value !== undefined) return value;
  throw new InvalidArgumentError('It takes a size, for example 512MB or 8GB');
}

/** A size of a file: in bytes, or relative to the number of weights. */
export type SizeBudget = { readonly bytes: number } | { readonly bitsPerWeight: number };

/** `20GB` or `3.2bpw`. */
export function sizeBudget(text: string): SizeBudget {
  const [, bits] = /^(\d+(?:\.\d+)?)\s*bpw$/i.exec(text.trim()) ?? [];
  if (bits !== undefined && Number(bits) > 0) return { bitsPerWeight: Number(bits) };
  // Someone who writes 3.2 means bits.
  const bytes = /^\d+\.\d+$/.test(text.trim()) ? undefined : parseBytes(text);
  if (bytes !== undefined && bytes > 0) return { bytes };
  throw new InvalidArgumentError('It takes a size or bits per weight, for example 20GB or 3.2bpw');
}

/** `REGEX=TYPE`, after those before. Whether there is such a type, the command says: types are not loaded for help. */
export function typeRules(text: string, before: readonly TypeRule[] = []): TypeRule[] {
  const [, pattern, type] = /^(.+)=([^=]+)$/s.exec(text) ?? [];
  if (pattern === undefined) throw new InvalidArgumentError('It takes REGEX=TYPE, for example ffn_down=q6_k');
  try {
    return [...before, { pattern: new RegExp(pattern), type }];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

export function count(text: string): number {
  const value = integer(text);
  if (value >= 0) return value;
  throw new InvalidArgumentError('It takes a whole number, 0 or more');
}

export function integer(text: string): number {
  const value = Number(text);
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It takes a whole number');
}

export function decimal(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It takes a number');
}
