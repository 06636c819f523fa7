import { z } from 'zod';
import { badRequest } from '../api-error.ts';
import { answerFormatFields } from './answer-format.ts';
import { message, templateVariables } from './messages.ts';
import { samplingFields, topCount } from './sampling-fields.ts';
import { toolFields } from './tools.ts';
import { ignored, optional } from './validate.ts';

const MAX_MESSAGES = 1000;

/** `POST /v1/chat/completions`. Every optional field may be null; fields that are not named here are ignored. */
export const chatRequest = z.object({
  ...samplingFields,
  messages: z.array(message).min(1).max(MAX_MESSAGES),
  max_tokens: optional(z.int().min(1)),
  max_completion_tokens: optional(z.int().min(1)),
  ...toolFields,
  ...answerFormatFields,
  logprobs: optional(z.boolean()),
  top_logprobs: optional(topCount),
  add_generation_prompt: optional(z.boolean()),
  continue_final_message: optional(z.boolean()),
  chat_template_kwargs: templateVariables,
  reasoning_effort: ignored,
  verbosity: ignored,
});

export type ChatRequest = z.output<typeof chatRequest>;

/** How many alternatives to list with each token, or undefined for no log-probabilities at all. */
export function wantedLogprobs(request: ChatRequest): number | undefined {
  if (request.logprobs) return request.top_logprobs ?? 0;
  if (request.top_logprobs) throw badRequest('top_logprobs needs logprobs to be true', 'top_logprobs');
  return undefined;
}
