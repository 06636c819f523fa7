import { z } from 'zod';
import type { GenerateOptions } from '../../engine/generate.ts';
import { MAX_LOGPROBS } from '../../engine/logprobs.ts';
import { badRequest } from '../api-error.ts';
import { randomSeed } from '../ids.ts';
import { field, ignored, oneOf, optional, refused, unsupportedField } from './validate.ts';

const MAX_STOPS = 16;

/** Whole numbers of 64 bits. JSON readers round those beyond 2^53; what counts is that equal texts give equal numbers. */
const int64 = z
  .number()
  .refine(
    (value) => Number.isInteger(value) && Math.abs(value) <= 2 ** 63,
    'must be a whole number of 64 bits',
  )
  .transform((value) => (Number.isSafeInteger(value) ? value : BigInt(value)));

const MAX_ID = 2 ** 31 - 1;
const MAX_BIAS = 100;

export const tokenId = z.int().min(0).max(MAX_ID);

/** A list of token ids, which may have a million: checked in one loop, not by a type for each. */
export const tokenIds = z
  .custom<readonly number[]>(
    (value) => Array.isArray(value) && value.length > 0,
    'must be a list of token ids',
  )
  .superRefine((ids, context) => {
    const wrong = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id > MAX_ID);
    if (wrong >= 0) context.addIssue({ code: 'custom', path: [wrong], message: 'must be a token id' });
  })
  .meta({ type: 'array', items: { type: 'integer', minimum: 0, maximum: MAX_ID }, minItems: 1 });

/** Token id -> bias, checked in one loop for the same reason. */
const biases = z
  .custom<Readonly<Record<string, number>>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be an object',
  )
  .superRefine((value, context) => {
    for (const key in value) {
      const bias: unknown = value[key];
      const isId = /^\d{1,9}$/.test(key);
      if (isId && typeof bias === 'number' && Math.abs(bias) <= MAX_BIAS) continue;
      const message = isId ? `must be a number from -${MAX_BIAS} to ${MAX_BIAS}` : 'keys are token ids';
      context.addIssue({ code: 'custom', path: [key], message });
      return;
    }
  })
  .meta({
    type: 'object',
    additionalProperties: { type: 'number', minimum: -MAX_BIAS, maximum: MAX_BIAS },
  });

/** The `dots` field of APIs whose answers have no place for routing. */
export const receiptOnly = field(
  optional(
    z.object({
      receipt: optional(z.boolean()),
      routing: refused('use /v1/chat/completions', oneOf(false)),
    }),
  ),
  '`receipt`: add what reproduces the answer, and `ignored`: what of the request had no effect',
);

export const topCount = z.int().min(0).max(MAX_LOGPROBS);

/** A limit of tokens; −1 means none, as in llama.cpp. */
export function tokenCount(least: number) {
  return optional(
    z
      .int()
      .refine(
        (value) => value >= least || value === NO_LIMIT,
        `must be ${least} or more, or -1 for no limit`,
      ),
  );
}

const NO_LIMIT = -1;

/** Of several names for the limit, the first that is given; undefined for none. */
export function tokenLimit(...counts: readonly (number | undefined)[]): number | undefined {
  const limit = counts.find((count) => count !== undefined);
  return limit === NO_LIMIT ? undefined : limit;
}

const stops = optional(z.union([z.string(), z.array(z.string()).max(MAX_STOPS)]));
const bool = optional(z.boolean());

/** Fields of all routes of OpenAI's kind, with those of vLLM and llama.cpp that clients send as well. */
export const samplingFields = {
  model: field(optional(z.string()), 'name of the served model or an alias; default: the served model'),
  temperature: field(
    optional(z.number().min(0).max(2)),
    '0 is greedy, ties go to the lowest id; default of the model, else 1',
  ),
  top_p: field(optional(z.number().min(0).max(1)), '0 keeps the most likely token'),
  top_k: field(optional(z.int().min(-1)), '0 and −1 keep all'),
  min_p: field(optional(z.number().min(0).max(1)), 'share of the most likely token’s probability'),
  repetition_penalty: field(optional(z.number().gt(0).max(1e6)), 'for tokens of prompt and answer'),
  repeat_penalty: field(optional(z.number().gt(0).max(1e6)), 'for tokens of prompt and answer'),
  repeat_last_n: field(optional(z.int()), 'with a repetition penalty only −1: all tokens'),
  presence_penalty: field(optional(z.number().min(-2).max(2)), 'for tokens of the answer'),
  frequency_penalty: field(optional(z.number().min(-2).max(2)), 'for tokens of the answer'),
  logit_bias: field(optional(biases), 'token id → −100…100'),
  seed: field(
    optional(int64),
    '64 bits; −1 draws one at random; see [reproducible answers](#reproducible-answers)',
  ),
  stop: field(stops, `up to ${MAX_STOPS} strings, matched on text, not on tokens; not in tool calls`),
  stop_token_ids: field(optional(z.array(tokenId).max(128)), 'tokens that end the answer'),
  include_stop_str_in_output: field(bool, 'the stop string is part of the answer'),
  min_tokens: field(optional(z.int().min(0)), 'nothing ends the answer before; at most the token limit'),
  ignore_eos: field(bool, 'continue after end tokens'),
  stream: field(bool, 'server-sent events'),
  cache_salt: field(
    optional(z.string().max(256)),
    'share cached prefixes only with requests of the same salt',
  ),
  priority: field(
    optional(
      z
        .int()
        .min(-(2 ** 31))
        .max(2 ** 31 - 1),
    ),
    'order among the queued requests of one client, lowest first; default 0; does not affect other clients',
  ),

  user: ignored('says who asks'),
  metadata: ignored('labels'),
  store: ignored('nothing is stored'),
  service_tier: ignored('there is one'),
  safety_identifier: ignored('says who asks'),
  prompt_cache_key: ignored('every prefix is cached; see `cache_salt`'),
  prompt_cache_retention: ignored('the cache keeps what fits'),
  spaces_between_special_tokens: ignored('tokens have the spaces that they have'),
  cache_prompt: ignored('every prefix is cached'),
  id_slot: ignored('there are no slots'),
  timings_per_token: ignored('`timings` come at the end'),
  request_id: ignored('use the header `x-request-id`'),
  length_penalty: ignored('only beam search has one'),
  n_keep: ignored('a full context is an error; nothing is shifted'),
  n_discard: ignored('a full context is an error; nothing is shifted'),

  skip_special_tokens: refused('control tokens are never text; use return_token_ids', oneOf(true)),
  use_beam_search: refused('leave it out', oneOf(false)),
  logits_processors: refused('use logit_bias', oneOf([])),
  allowed_token_ids: refused('use logit_bias, or a constraint of structured_outputs'),
  bad_words: refused('use logit_bias', oneOf([])),
  truncate_prompt_tokens: refused('shorten the prompt', oneOf(-1)),
  prompt_logprobs: refused('use echo with logprobs on /v1/completions', oneOf(0)),
  logprob_token_ids: refused('use top_logprobs', oneOf([])),
  return_tokens_as_token_ids: refused('use return_token_ids', oneOf(false)),
  stop_regex: refused('use stop, or structured_outputs.regex', oneOf([], '')),
  no_stop_trim: refused('use include_stop_str_in_output', oneOf(false)),
  typical_p: refused('use top_p or min_p', oneOf(1)),
  typ_p: refused('use top_p or min_p', oneOf(1)),
  top_a: refused('use min_p', oneOf(0)),
  tfs_z: refused('use min_p', oneOf(1)),
  top_n_sigma: refused('use min_p', oneOf(-1, 0)),
  mirostat: refused('use top_p or min_p', oneOf(0)),
  dynatemp_range: refused('use temperature', oneOf(0)),
  xtc_probability: refused('use temperature', oneOf(0)),
  dry_multiplier: refused('use repetition_penalty', oneOf(0)),
  samplers: refused(
    'leave it out: penalties, temperature, top_k, top_p and min_p apply in this order',
    oneOf([]),
  ),
  n_probs: refused('use logprobs', oneOf(0)),
  post_sampling_probs: refused('log-probabilities are those of the raw logits', oneOf(false)),
  return_tokens: refused('use return_token_ids', oneOf(false)),
  lora: refused('convert the adapted weights and serve them', oneOf([])),
  t_max_predict_ms: refused('use the token limit, or end the request', oneOf(0, -1)),
} as const;

/** Of the routes that give `choices`. */
export const choiceFields = {
  n: field(
    optional(z.int().min(1).max(128)),
    'number of answers, up to 16; answer i uses random stream i of the seed',
  ),
  stream_options: field(
    optional(
      z.object({
        include_usage: bool,
        continuous_usage_stats: bool,
        include_obfuscation: ignored('there is none'),
      }),
    ),
    '`include_usage`: token counts in a last chunk; `continuous_usage_stats`: in every chunk',
  ),
  return_token_ids: field(bool, 'add token ids to chunks'),
  dots: field(
    optional(z.object({ routing: bool, receipt: bool })),
    '`routing`: add expert routing to each chunk; `receipt`: add what reproduces the answer, and `ignored`: what of the request had no effect',
  ),
} as const;

export type SamplingRequest = z.output<z.ZodObject<typeof samplingFields>>;

/** −1 stands for any seed, as in llama.cpp and vLLM. */
export function seedOf({ seed }: SamplingRequest): number | bigint {
  return seed === undefined || seed === -1 ? randomSeed() : seed;
}

/** How to generate, less what differs between routes (number of tokens, constraints, signal). Throws 400. */
export function samplingOptions(
  request: SamplingRequest,
  seed: number | bigint,
  vocabSize: number,
): GenerateOptions {
  const stop = typeof request.stop === 'string' ? [request.stop] : request.stop;
  const repetitionPenalty = request.repetition_penalty ?? request.repeat_penalty;
  const { repeat_last_n: lastN = -1 } = request;
  if (lastN !== -1 && repetitionPenalty !== undefined && repetitionPenalty !== 1)
    throw unsupportedField('repeat_last_n', 'repetition penalties are about all tokens (-1)');
  // Nothing is less than the most likely token.
  const isGreedy = request.top_p === 0;
  return {
    seed,
    ...(request.temperature !== undefined && { temperature: request.temperature }),
    ...(request.top_p !== undefined && !isGreedy && { topP: request.top_p }),
    ...(request.top_k !== undefined && { topK: request.top_k }),
    ...(isGreedy && { topK: 1 }),
    ...(request.min_p !== undefined && { minP: request.min_p }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
    ...(request.presence_penalty !== undefined && { presencePenalty: request.presence_penalty }),
    ...(request.frequency_penalty !== undefined && { frequencyPenalty: request.frequency_penalty }),
    ...(request.logit_bias !== undefined && { logitBias: logitBias(request.logit_bias, vocabSize) }),
    ...(stop !== undefined && { stop }),
    ...(request.stop_token_ids !== undefined && { stopTokens: request.stop_token_ids }),
    ...(request.include_stop_str_in_output && { includeStopString: true }),
    ...(request.min_tokens !== undefined && { minTokens: request.min_tokens }),
    ...(request.ignore_eos !== undefined && { ignoreEos: request.ignore_eos }),
    ...(request.cache_salt !== undefined && { cacheSalt: request.cache_salt }),
    ...(request.priority !== undefined && { priority: request.priority }),
  };
}

/** 400 for an answer that would have to be longer than it may be. */
export function checkMinTokens({ min_tokens: least }: SamplingRequest, maxTokens: number | undefined): void {
  if (least === undefined || maxTokens === undefined || least <= maxTokens) return;
  throw badRequest(`min_tokens: ${least} is more than the limit of ${maxTokens} tokens`, 'min_tokens');
}

function logitBias(wire: Readonly<Record<string, number>>, vocabSize: number): ReadonlyMap<number, number> {
  const bias = new Map(Object.entries(wire).map(([id, value]) => [Number(id), value]));
  for (const id of bias.keys()) {
    if (id >= vocabSize) throw badRequest(`logit_bias: there is no token ${id}`, `logit_bias.${id}`);
  }
  return bias;
}

/** The number of requested answers, or 400 above what the operator allows. */
export function numChoices({ n = 1 }: { readonly n?: number | undefined }, maxChoices: number): number {
  if (n > maxChoices) throw badRequest(`n: at most ${maxChoices} answers at once`, 'n');
  return n;
}
