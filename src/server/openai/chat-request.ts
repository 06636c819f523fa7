import { z } from 'zod';
import { badRequest } from '../api-error.ts';
import { answerFormatFields } from './answer-format.ts';
import { message, templateVariables } from './messages.ts';
import { choiceFields, samplingFields, tokenCount, topCount } from './sampling-fields.ts';
import { toolFields } from './tools.ts';
import { field, ignored, oneOf, optional, refused } from './validate.ts';

const MAX_MESSAGES = 1000;

/** `POST /v1/chat/completions`. Every optional field may be null; fields that are not named here are ignored. */
export const chatRequest = z.object({
  messages: field(
    z.array(message).min(1).max(MAX_MESSAGES),
    'roles system, developer (same as system), user, assistant, tool; content is a string or text parts; control tokens are plain text',
  ),
  max_completion_tokens: field(
    tokenCount(1),
    'token limit; wins over `max_tokens`; default: the remaining context',
  ),
  max_tokens: field(tokenCount(1), 'token limit; −1: none; default: the remaining context (completions: 16)'),
  n_predict: field(tokenCount(1), 'as `max_tokens`'),
  ...samplingFields,
  ...choiceFields,
  ...toolFields,
  ...answerFormatFields,
  logprobs: field(
    optional(z.boolean()),
    'natural logarithm of the softmax of raw logits, before bias, penalties and temperature',
  ),
  top_logprobs: field(optional(topCount), '0…20 alternatives for each token; needs `logprobs`'),
  add_generation_prompt: field(optional(z.boolean()), 'as in vLLM; default true'),
  continue_final_message: field(optional(z.boolean()), 'as in vLLM'),
  chat_template_kwargs: field(
    templateVariables,
    'extra variables for the chat template: numbers, booleans, strings without markup',
  ),
  return_progress: field(optional(z.boolean()), 'add prefill progress to chunks'),
  reasoning_effort: ignored('the model does not reason'),
  reasoning: ignored('the model does not reason'),
  reasoning_format: ignored('the model does not reason'),
  include_reasoning: ignored('the model does not reason'),
  separate_reasoning: ignored('the model does not reason'),
  stream_reasoning: ignored('the model does not reason'),
  thinking: ignored('the model does not reason'),
  verbosity: ignored('a hint for models that know it'),
  prediction: ignored('a hint that makes answers faster elsewhere'),
  parse_tool_calls: ignored('calls are always parsed'),
  modalities: refused('answers are text', oneOf(['text'])),
  audio: refused('answers are text'),
  web_search_options: refused('give the model a function that searches'),
  chat_template: refused('the operator chooses the template; use chat_template_kwargs for its variables'),
  documents: refused('put them into messages', oneOf([])),
  echo: refused('use /v1/completions', oneOf(false)),
  add_special_tokens: refused('the template has the control tokens it needs', oneOf(false)),
  best_of: refused('use n', oneOf(1)),
});

export type ChatRequest = z.output<typeof chatRequest>;

/** How many alternatives to list with each token, or undefined for no log-probabilities at all. */
export function wantedLogprobs(request: ChatRequest): number | undefined {
  if (request.logprobs) return request.top_logprobs ?? 0;
  if (request.top_logprobs) throw badRequest('top_logprobs needs logprobs to be true', 'top_logprobs');
  return undefined;
}
