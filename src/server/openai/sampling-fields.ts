import { z } from 'zod';
import type { GenerateOptions } from '../../engine/generate.ts';
import { badRequest } from '../api-error.ts';
import { optional } from './validate.ts';

const MAX_STOPS = 16;

/** Whole numbers of 64 bits. JSON readers round those beyond 2^53; what counts is that equal texts give equal numbers. */
const int64 = z
  .number()
  .refine(
    (value) => Number.isInteger(value) && Math.abs(value) <= 2 ** 63,
    'must be a whole number of 64 bits',
  );

export const tokenId = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

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
  seed: optional(int64),
  stop: optional(z.union([z.string(), z.array(z.string()).max(MAX_STOPS)])),
  stop_token_ids: optional(z.array(tokenId).max(128)),
  ignore_eos: optional(z.boolean()),
  n: optional(z.int().min(1).max(128)),
  stream: optional(z.boolean()),
  stream_options: optional(z.object({ include_usage: optional(z.boolean()) })),
  // Accepted for compatibility, without effect.
  user: optional(z.string()),
  metadata: optional(z.unknown()),
} as const;

export type SamplingRequest = z.output<z.ZodObject<typeof samplingFields>>;

/** How to generate, less what differs between routes (number of tokens, constraints, signal). */
export function samplingOptions(request: SamplingRequest, seed: number): GenerateOptions {
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
    ...(stop !== undefined && { stop }),
    ...(request.stop_token_ids !== undefined && { stopTokens: request.stop_token_ids }),
    ...(request.ignore_eos !== undefined && { ignoreEos: request.ignore_eos }),
  };
}

/** The number of answers asked for, or 400 above what the operator allows. */
export function numChoices(request: SamplingRequest, maxChoices: number): number {
  const n = request.n ?? 1;
  if (n > maxChoices) throw badRequest(`n: at most ${maxChoices} answers at once`, 'n');
  return n;
}
