/** Parts that the answers of all routes have. */
import type { Timings } from '../../engine/events.ts';
import { uniqueId } from '../ids.ts';
import type { ServedModel } from '../served-model.ts';

/** What all chunks of an answer share. */
export interface AnswerHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

export function answerHead(idPrefix: string, served: ServedModel): AnswerHead {
  return {
    id: uniqueId(idPrefix),
    created: Math.floor(Date.now() / 1000),
    model: served.name,
    system_fingerprint: served.fingerprint,
  };
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

export function usageOf(promptTokens: number, cachedTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

/** Times under the names of llama-server, which several clients show. */
export function wireTimings(timings: Timings, cachedTokens: number): Readonly<Record<string, number>> {
  return {
    cache_n: cachedTokens,
    prompt_n: timings.promptTokens - cachedTokens,
    prompt_ms: rounded(timings.promptMs),
    prompt_per_second: rounded(timings.promptPerSecond),
    predicted_n: timings.predictedTokens,
    predicted_ms: rounded(timings.predictedMs),
    predicted_per_second: rounded(timings.predictedPerSecond),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
