import { z } from 'zod';
import { badRequest } from '../api-error.ts';
import type { ServedModel } from '../served-model.ts';
import { answerFormatFields } from './answer-format.ts';
import { samplingFields, tokenId, topCount } from './sampling-fields.ts';
import { optional } from './validate.ts';

const DEFAULT_MAX_TOKENS = 16;
const MAX_PROMPTS = 2048;

/** `POST /v1/completions`, which is also how evaluation harnesses score text. */
export const completionRequest = z.object({
  ...samplingFields,
  prompt: z.union(
    [
      z.string(),
      z.array(z.string()).min(1),
      z.array(tokenId).min(1),
      z.array(z.array(tokenId).min(1)).min(1),
    ],
    { error: 'must be a string, an array of strings, an array of token ids, or an array of such arrays' },
  ),
  max_tokens: optional(z.int().min(0)),
  logprobs: optional(topCount),
  echo: optional(z.boolean()),
  best_of: optional(z.int().min(1)),
  suffix: optional(z.string()),
  ...answerFormatFields,
});

export type CompletionRequest = z.output<typeof completionRequest>;

/** All prompts of a request as token ids. Control tokens in texts are recognised here, unlike in messages. Throws 400. */
export function promptsOf(request: CompletionRequest, served: ServedModel): (readonly number[])[] {
  const { prompt } = request;
  const list: readonly (string | readonly number[])[] =
    typeof prompt === 'string' ? [prompt] : isTokenList(prompt) ? [prompt] : prompt;
  if (list.length > MAX_PROMPTS) throw badRequest(`prompt: at most ${MAX_PROMPTS} prompts at once`, 'prompt');
  return list.map((one) =>
    typeof one === 'string' ? served.tokenizer.encodePrompt(one, { control: true }) : one,
  );
}

function isTokenList(prompt: readonly unknown[]): prompt is readonly number[] {
  return typeof prompt[0] === 'number';
}

/** Tokens to generate. None is fine where the prompt itself is what is asked about. */
export function maxTokensOf(request: CompletionRequest): number {
  const maxTokens = request.max_tokens ?? DEFAULT_MAX_TOKENS;
  if (maxTokens === 0 && !request.echo)
    throw badRequest('max_tokens: 0 makes sense only with echo', 'max_tokens');
  return maxTokens;
}

/** Throws 400 for what can't be honoured; ignoring it would give another answer than requested. */
export function refuseUnsupported(request: CompletionRequest): void {
  if (request.suffix) throw badRequest('suffix: this model cannot fill in the middle', 'suffix');
  if (request.best_of !== undefined && request.best_of !== (request.n ?? 1))
    throw badRequest('best_of: only the value of n is possible', 'best_of');
}
