import { z } from 'zod';
import type { GenerateOptions } from '../../engine/generate.ts';
import { MAX_LOGPROBS } from '../../engine/logprobs.ts';
import { badRequest } from '../api-error.ts';
import { ignored, optional } from './validate.ts';

const MAX_STOPS = 16;

/** Whole numbers of 64 bits. JSON readers round those beyond 2^53; what counts is that equal texts give equal numbers. */
const int64 = z
  .number()
  .refine(
    (value) => Number.isInteger(value) && Math.abs(value) <= 2 ** 63,
    'must be a whole number of 64 bits',
  )
  .transform((value) => (Number.isSafeInteger(value) ? value : BigInt(value)));

export const tokenId = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

export const topCount = z.int().min(0).max(MAX_LOGPROBS);

/** Fields that chat and plain completions share, OpenAI's and those of vLLM and llama.cpp that clients send as well. */
export const samplingFields = {
  model: optional(z.string()),
  temperature: optional(z.number().min(0).max(2)),
  top_p: optional(z.number().gt(0).max(1)),
  top_k: optional(z.int().min(-1)),
  min_p: optional(z.number().min(0).max(1)),
  repetition_penalty: optional(z.number().gt(0).max(1e6)),
  repeat_penalty: optional(z.number().gt(0).max(1e6)),
  presence_penalty: optional(z.number().min(-2).max(2)),
  frequency_penalty: optional(z.number().min(-2).max(2)),
  logit_bias: optional(
    z.record(z.string().regex(/^\d{1,9}$/, 'keys are token ids'), z.number().min(-100).max(100)),
  ),
  seed: optional(int64),
  stop: optional(z.union([z.string(), z.array(z.string()).max(MAX_STOPS)])),
  stop_token_ids: optional(z.array(tokenId).max(128)),
  include_stop_str_in_output: optional(z.boolean()),
  min_tokens: optional(z.int().min(0)),
  ignore_eos: optional(z.boolean()),
  n: optional(z.int().min(1).max(128)),
  stream: optional(z.boolean()),
  stream_options: optional(
    z.object({
      include_usage: optional(z.boolean()),
      continuous_usage_stats: optional(z.boolean()),
      include_obfuscation: optional(z.boolean()),
    }),
  ),
  cache_salt: optional(z.string().max(256)),
  priority: optional(
    z
      .int()
      .min(-(2 ** 31))
      .max(2 ** 31 - 1),
  ),
  return_token_ids: optional(z.boolean()),
  return_progress: optional(z.boolean()),
  dots: optional(z.object({ routing: optional(z.boolean()), receipt: optional(z.boolean()) })),
  // Accepted for compatibility, without effect.
  user: ignored,
  metadata: ignored,
  store: ignored,
  service_tier: ignored,
  safety_identifier: ignored,
  prompt_cache_key: ignored,
  prompt_cache_retention: ignored,
  skip_special_tokens: ignored,
  spaces_between_special_tokens: ignored,
  cache_prompt: ignored,
} as const;

export type SamplingRequest = z.output<z.ZodObject<typeof samplingFields>>;

/** How to generate, less what differs between routes (number of tokens, constraints, signal). Throws 400. */
export function samplingOptions(
  request: SamplingRequest,
  seed: number | bigint,
  vocabSize: number,
): GenerateOptions {
  const stop = typeof request.stop === 'string' ? [request.stop] : request.stop;
  const repetitionPenalty = request.repetition_penalty ?? request.repeat_penalty;
  return {
    seed,
    ...(request.temperature !== undefined && { temperature: request.temperature }),
    ...(request.top_p !== undefined && { topP: request.top_p }),
    ...(request.top_k !== undefined && { topK: request.top_k }),
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
    ...(request.dots?.routing && { routing: true }),
  };
}

function logitBias(wire: Readonly<Record<string, number>>, vocabSize: number): ReadonlyMap<number, number> {
  const bias = new Map(Object.entries(wire).map(([id, value]) => [Number(id), value]));
  for (const id of bias.keys()) {
    if (id >= vocabSize) throw badRequest(`logit_bias: there is no token ${id}`, `logit_bias.${id}`);
  }
  return bias;
}

/** The number of requested answers, or 400 above what the operator allows. */
export function numChoices(request: SamplingRequest, maxChoices: number): number {
  const n = request.n ?? 1;
  if (n > maxChoices) throw badRequest(`n: at most ${maxChoices} answers at once`, 'n');
  return n;
}
