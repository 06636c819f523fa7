import { z } from 'zod';
import { message } from './messages.ts';
import { samplingFields } from './sampling-fields.ts';
import { optional } from './validate.ts';

const MAX_MESSAGES = 1000;

/** `POST /v1/chat/completions`. Every optional field may be null; fields that are not named here are ignored. */
export const chatRequest = z.object({
  ...samplingFields,
  messages: z.array(message).min(1).max(MAX_MESSAGES),
  max_tokens: optional(z.int().min(1)),
  max_completion_tokens: optional(z.int().min(1)),
  add_generation_prompt: optional(z.boolean()),
  continue_final_message: optional(z.boolean()),
});

export type ChatRequest = z.output<typeof chatRequest>;
