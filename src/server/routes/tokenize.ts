import type { Context } from 'hono';
import { z } from 'zod';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { badRequest } from '../api-error.ts';
import type { AppEnv, ServerContext } from '../context.ts';
import { message, templateVariables } from '../openai/messages.ts';
import { tokenId } from '../openai/sampling-fields.ts';
import { toolFields, toolsOf } from '../openai/tools.ts';
import { optional, parseRequest } from '../openai/validate.ts';
import { renderPrompt, renderPromptParts } from './render-prompt.ts';

const chatFields = {
  messages: optional(z.array(message).min(1)),
  add_generation_prompt: optional(z.boolean()),
  continue_final_message: optional(z.boolean()),
  chat_template_kwargs: templateVariables,
  ...toolFields,
} as const;

const tokenizeRequest = z.object({
  model: optional(z.string()),
  // llama-server's words.
  content: optional(z.string()),
  add_special: optional(z.boolean()),
  parse_special: optional(z.boolean()),
  with_pieces: optional(z.boolean()),
  // vLLM's words.
  prompt: optional(z.union([z.string(), z.array(z.string()).min(1)])),
  add_special_tokens: optional(z.boolean()),
  return_token_strs: optional(z.boolean()),
  ...chatFields,
});

/** `POST /tokenize` in two dialects, distinguished by the key that holds the text: `content`, or `prompt` and `messages`. */
export async function tokenize(
  c: Context<AppEnv>,
  { served, settings }: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const request = parseRequest(tokenizeRequest, body, settings.strict);
  served.check(request.model);
  const { tokenizer } = served;
  const encode = (text: string, addSpecial: boolean, control: boolean): number[] =>
    addSpecial ? tokenizer.encodePrompt(text, { control }) : Array.from(tokenizer.encode(text, { control }));
  if (request.content !== undefined) {
    const tokens = encode(request.content, request.add_special ?? false, request.parse_special ?? true);
    return c.json({ tokens: request.with_pieces ? tokens.map((id) => llamaPiece(id, tokenizer)) : tokens });
  }
  const describe = (tokens: readonly number[]): object => ({
    count: tokens.length,
    max_model_len: served.engine.contextLength,
    tokens,
    token_strs: request.return_token_strs ? tokens.map((id) => tokenizer.pieceOf(id)) : null,
  });
  if (request.messages !== undefined)
    return c.json(
      describe(renderPrompt({ ...request, messages: request.messages }, served, toolsOf(request))),
    );
  const { prompt, add_special_tokens: addSpecial = true } = request;
  if (prompt === undefined) throw badRequest('Give content, prompt or messages', 'prompt');
  if (typeof prompt === 'string') return c.json(describe(encode(prompt, addSpecial, true)));
  const lists = prompt.map((text) => encode(text, addSpecial, true));
  return c.json({
    count: lists.map((tokens) => tokens.length),
    max_model_len: served.engine.contextLength,
    tokens: lists,
    token_strs: request.return_token_strs ? lists.map((ids) => ids.map((id) => tokenizer.pieceOf(id))) : null,
  });
}

const detokenizeRequest = z.object({ model: optional(z.string()), tokens: z.array(tokenId) });

/** `POST /detokenize`, for readers of both dialects. */
export async function detokenize(
  c: Context<AppEnv>,
  { served, settings }: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const request = parseRequest(detokenizeRequest, body, settings.strict);
  served.check(request.model);
  const wrong = request.tokens.findIndex((id) => id >= served.tokenizer.vocabSize);
  if (wrong >= 0) throw badRequest(`There is no token ${request.tokens[wrong]}`, `tokens[${wrong}]`);
  const text = served.tokenizer.decode(request.tokens);
  return c.json({ content: text, prompt: text });
}

const applyTemplateRequest = z.object({
  model: optional(z.string()),
  ...chatFields,
  messages: z.array(message).min(1),
});

/** `POST /apply-template`: what the model would read of these messages, as text and as token ids. */
export async function applyTemplate(
  c: Context<AppEnv>,
  { served, settings }: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const request = parseRequest(applyTemplateRequest, body, settings.strict);
  served.check(request.model);
  const parts = renderPromptParts(request, served, toolsOf(request));
  return c.json({
    prompt: parts.map(({ text }) => text).join(''),
    tokens: Array.from(served.tokenizer.encodeParts(parts)),
  });
}

/** `GET /tokenizer_info`: the configuration under the names of Hugging Face files, which lm-eval looks for. */
export function tokenizerInfo(c: Context<AppEnv>, { served }: ServerContext): Response {
  const { tokenizer, engine } = served;
  const text = (id: number | undefined): string | null => (id === undefined ? null : tokenizer.pieceOf(id));
  const { bos, eos, pad } = tokenizer.special;
  return c.json({
    tokenizer_class: 'Qwen2Tokenizer',
    bos_token: text(bos),
    eos_token: text(eos[0]),
    pad_token: text(pad),
    eos_token_ids: eos,
    add_bos_token: bos !== undefined,
    vocab_size: tokenizer.vocabSize,
    model_max_length: engine.contextLength,
    chat_template: engine.files.chatTemplate.source,
    additional_special_tokens: tokenizer.controlIds.map((id) => tokenizer.pieceOf(id)),
  });
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text where the token is whole characters, else its bytes. */
function llamaPiece(id: number, tokenizer: Tokenizer): object {
  const bytes = tokenizer.decodeBytes(id);
  try {
    return { id, piece: strict.decode(bytes) };
  } catch {
    return { id, piece: Array.from(bytes) };
  }
}
