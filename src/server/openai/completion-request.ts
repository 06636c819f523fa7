import { z } from 'zod';
import { badRequest } from '../api-error.ts';
import type { ServedModel } from '../served-model.ts';
import { answerFormatFields } from './answer-format.ts';
import { chatRequest } from './chat-request.ts';
import {
  choiceFields,
  samplingFields,
  tokenCount,
  tokenIds,
  tokenLimit,
  topCount,
} from './sampling-fields.ts';
import { field, foreignFields, oneOf, optional, refused, unsupportedField } from './validate.ts';

const DEFAULT_MAX_TOKENS = 16;
/** Of one request; and answers to all of them together. */
export const MAX_PROMPTS = 2048;

const own = {
  prompt: field(
    z.union([z.string(), z.array(z.string()).min(1), tokenIds, z.array(tokenIds).min(1)], {
      error: 'must be a string, an array of strings, an array of token ids, or an array of such arrays',
    }),
    'string, strings, token ids, or lists of token ids; control tokens are recognised',
  ),
  max_tokens: field(tokenCount(0), 'token limit; −1: none; default: the remaining context (completions: 16)'),
  n_predict: field(tokenCount(0), 'as `max_tokens`'),
  max_completion_tokens: refused('use max_tokens'),
  ...samplingFields,
  ...choiceFields,
  ...answerFormatFields,
  logprobs: field(optional(topCount), '0…20 alternatives for each token'),
  echo: field(optional(z.boolean()), 'the prompt is part of the text'),
  best_of: field(optional(z.int().min(1)), 'only the value of `n`'),
  suffix: refused('this model cannot fill in the middle', oneOf('')),
  return_progress: refused('use /v1/chat/completions', oneOf(false)),
  add_special_tokens: refused('the prompt has the control tokens that are in it', oneOf(true)),
} as const;

/** `POST /v1/completions`, which is also how evaluation harnesses score text. */
export const completionRequest = z.object({
  ...own,
  ...foreignFields(chatRequest.shape, own, 'use /v1/chat/completions'),
});

export type CompletionRequest = z.output<typeof completionRequest>;

/** All prompts of a request as token ids. Control tokens in texts are recognised here, unlike in messages. Throws 400. */
export async function promptsOf(
  request: CompletionRequest,
  served: ServedModel,
): Promise<(readonly number[])[]> {
  const { prompt } = request;
  const list: readonly (string | readonly number[])[] =
    typeof prompt === 'string' ? [prompt] : isTokenList(prompt) ? [prompt] : prompt;
  if (list.length > MAX_PROMPTS) throw badRequest(`prompt: at most ${MAX_PROMPTS} prompts at once`, 'prompt');
  const prompts: (readonly number[])[] = [];
  for (const one of list)
    prompts.push(typeof one === 'string' ? await served.encodeText(one, 'prompt') : one);
  return prompts;
}

function isTokenList(prompt: readonly unknown[]): prompt is readonly number[] {
  return typeof prompt[0] === 'number';
}

/** Most tokens to generate. None is fine where the prompt itself is what is requested; undefined: no limit. Throws 400. */
export function maxTokensOf(request: CompletionRequest): number | undefined {
  const maxTokens = tokenLimit(request.max_tokens, request.n_predict, DEFAULT_MAX_TOKENS);
  if (maxTokens === 0 && !request.echo)
    throw badRequest('max_tokens: 0 makes sense only with echo', 'max_tokens');
  return maxTokens;
}

/** Throws 400 for what can't be honoured; ignoring it would give another answer than requested. */
export function refuseUnsupported(request: CompletionRequest): void {
  if (request.best_of !== undefined && request.best_of !== (request.n ?? 1))
    throw unsupportedField('best_of', 'only the value of n is possible');
}
