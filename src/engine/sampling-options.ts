import { UsageError } from '../core/errors.ts';

/**
 * How the next token is chosen. What is left out is as the model's files recommend (`model.samplingDefaults`), and where
 * they say nothing as in the OpenAI API: temperature 1, no filter, no penalty.
 */
export interface SamplingOptions {
  /** 0 chooses the most likely token, ties to the lowest id. */
  readonly temperature?: number;
  /** Keep the k most likely tokens; 0 or −1 keeps all. */
  readonly topK?: number;
  /** Keep the most likely tokens that together reach this probability. */
  readonly topP?: number;
  /** Keep tokens with at least this share of the most likely token's probability. */
  readonly minP?: number;
  /** Divides positive and multiplies negative logits of tokens in prompt and answer. */
  readonly repetitionPenalty?: number;
  /** Subtracted once from tokens that the answer has. */
  readonly presencePenalty?: number;
  /** Subtracted for each time the answer has the token. */
  readonly frequencyPenalty?: number;
  /** Added to the logits of single tokens: id -> −100…100. */
  readonly logitBias?: ReadonlyMap<number, number>;
  /** 64 bits. The same seed, prompt and options give the same tokens, whatever else runs. Default: chosen at random. */
  readonly seed?: number | bigint;
  /** Answers to one prompt with one seed that are to differ take different streams: 0, 1, 2 and so on. Default 0. */
  readonly stream?: number;
}

/** `options`, and `defaults` for those that are absent or undefined. */
export function withDefaults(options: SamplingOptions, defaults: SamplingOptions): SamplingOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) };
}

type Range = readonly [low: number, high: number, text: string];

const RANGES: Readonly<Record<string, Range>> = {
  temperature: [0, 100, 'between 0 and 100'],
  topK: [-1, 2 ** 31, '-1, 0 or a positive number'],
  topP: [0, 1, 'between 0 and 1'],
  minP: [0, 1, 'between 0 and 1'],
  repetitionPenalty: [1e-6, 1e6, 'a positive number'],
  presencePenalty: [-2, 2, 'between -2 and 2'],
  frequencyPenalty: [-2, 2, 'between -2 and 2'],
};

const BIAS_RANGE: Range = [-100, 100, 'between -100 and 100'];

/** Throws `UsageError` naming the option, what it was and what it may be. */
export function checkSamplingOptions(options: SamplingOptions): void {
  for (const [name, range] of Object.entries(RANGES)) {
    checkRange(name, options[name as keyof SamplingOptions], range);
  }
  for (const [id, bias] of options.logitBias ?? []) checkRange(`logitBias of token ${id}`, bias, BIAS_RANGE);
  if (options.topP === 0) {
    throw new UsageError('topP is 0', {
      code: 'bad-sampling-option',
      hint: 'it must be above 0; use temperature 0 for the most likely token',
    });
  }
  if (options.seed !== undefined && typeof options.seed !== 'bigint' && !Number.isSafeInteger(options.seed)) {
    throw new UsageError(`seed is ${options.seed}`, {
      code: 'bad-sampling-option',
      hint: 'it must be a whole number below 2^53, or a bigint',
    });
  }
  if (options.stream !== undefined && options.stream >>> 0 !== options.stream) {
    throw new UsageError(`stream is ${options.stream}`, {
      code: 'bad-sampling-option',
      hint: 'it must be a whole number below 2^32',
    });
  }
}

function checkRange(name: string, value: unknown, [low, high, text]: Range): void {
  if (value === undefined || (typeof value === 'number' && value >= low && value <= high)) return;
  throw new UsageError(`${name} is ${String(value)}`, {
    code: 'bad-sampling-option',
    hint: `it must be ${text}`,
  });
}
