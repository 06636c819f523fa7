import { z } from 'zod';
import { chatRequest } from './chat-request.ts';
import { receiptOnly, tokenIds } from './sampling-fields.ts';
import { field, foreignFields, oneOf, optional, refused } from './validate.ts';

const MAX_INPUTS = 2048;

const own = {
  model: chatRequest.shape.model,
  user: chatRequest.shape.user,
  input: field(
    z.union(
      [
        z.string(),
        z.array(z.string()).min(1).max(MAX_INPUTS),
        tokenIds,
        z.array(tokenIds).min(1).max(MAX_INPUTS),
      ],
      {
        error: `must be a string, token ids, or an array of at most ${MAX_INPUTS} of one of them`,
      },
    ),
    'string, strings, token ids, or lists of token ids; control tokens in strings are plain text',
  ),
  encoding_format: field(
    optional(z.enum(['float', 'base64'])),
    '`float`, or `base64` of little-endian f32; default `float`',
  ),
  dimensions: field(
    optional(z.int().min(1)),
    'only the width of the model: nothing taught it to say as much in fewer',
  ),
  truncate_prompt_tokens: refused('shorten the input', oneOf(-1)),
  dots: receiptOnly,
} as const;

/** `POST /v1/embeddings`. */
export const embeddingsRequest = z.object({
  ...own,
  ...foreignFields(chatRequest.shape, own, 'use /v1/chat/completions'),
});

export type EmbeddingsRequest = z.output<typeof embeddingsRequest>;
