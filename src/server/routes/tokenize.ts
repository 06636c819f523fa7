import type { Context } from 'hono';
import { z } from 'zod';
import type { Tokenizer } from '../../text/tokenizer.ts';
import { badRequest } from '../api-error.ts';
import type { AppEnv, ServerContext } from '../context.ts';
import { message, templateVariables } from '../openai/messages.ts';
import { tokenIds } from '../openai/sampling-fields.ts';
import { toolFields, toolsOf } from '../openai/tools.ts';
import { optional, parseRequest } from '../openai/validate.ts';
import { renderPromptParts } from './render-prompt.ts';

const MAX_PROMPTS = 2048;

const chatFields = {
  messages: optional(z.array(message).min(1)),
  add_generation_prompt: optional(z.boolean()),
  continue_final_message: optional(z.boolean()),
  chat_template_kwargs: templateVariables,
  ...toolFields,
} as const;

export const tokenizeRequest = z.object({
  model: optional(z.string()),
  // llama-server's words.
  content: optional(z.string()),
  add_special: optional(z.boolean()),
  parse_special: optional(z.boolean()),
  with_pieces: optional(z.boolean()),
  // vLLM's words.
  prompt: optional(z.union([z.string(), z.array(z.string()).min(1).max(MAX_PROMPTS)])),
  add_special_tokens: optional(z.boolean()),
  return_token_strs: optional(z.boolean()),
  ...chatFields,
});

/** `POST /tokenize` in two dialects, distinguished by the key that holds the text: `content`, or `prompt` and `messages`. */
export async function tokenize(
  _: Context<AppEnv>,
  { served, settings, turns }: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const request = parseRequest(tokenizeRequest, body, settings.strict);
  served.check(request.model);
  const { tokenizer, engine } = served;
  const { bos } = tokenizer.special;
  const encode = async (
    text: string,
    param: string,
    addSpecial: boolean,
    control = true,
  ): Promise<number[]> => {
    const ids = await served.encode([{ text, control }], param);
    return addSpecial && bos !== undefined ? [bos, ...ids] : ids;
  };
  const listOf = (ids: readonly number[], show: (id: number) => unknown): Promise<string> =>
    turns.run(jsonList(ids, show));
  const strings = async (ids: readonly number[]): Promise<string> =>
    request.return_token_strs ? listOf(ids, (id) => tokenizer.pieceOf(id)) : 'null';

  if (request.content !== undefined) {
    const { add_special: addSpecial = false, parse_special: control = true } = request;
    const tokens = await encode(request.content, 'content', addSpecial, control);
    const show = request.with_pieces ? (id: number) => llamaPiece(id, tokenizer) : (id: number) => id;
    return json(`{"tokens":${await listOf(tokens, show)}}`);
  }
  const head = (count: number | readonly number[]): string =>
    `"count":${JSON.stringify(count)},"max_model_len":${engine.contextLength}`;
  const describe = async (tokens: readonly number[]): Promise<Response> =>
    json(
      `{${head(tokens.length)},"tokens":${await listOf(tokens, same)},"token_strs":${await strings(tokens)}}`,
    );
  if (request.messages !== undefined) {
    const parts = renderPromptParts({ ...request, messages: request.messages }, served, toolsOf(request));
    return describe(await served.encode(parts, 'messages'));
  }
  const { prompt, add_special_tokens: addSpecial = true } = request;
  if (prompt === undefined) throw badRequest('Give content, prompt or messages', 'prompt');
  if (typeof prompt === 'string') return describe(await encode(prompt, 'prompt', addSpecial));
  const counts: number[] = [];
  const lists: string[] = [];
  const texts: string[] = [];
  for (const text of prompt) {
    const tokens = await encode(text, 'prompt', addSpecial);
    counts.push(tokens.length);
    lists.push(await listOf(tokens, same));
    texts.push(await strings(tokens));
  }
  const shownTexts = request.return_token_strs ? `[${texts.join()}]` : 'null';
  return json(`{${head(counts)},"tokens":[${lists.join()}],"token_strs":${shownTexts}}`);
}

const same = (id: number): number => id;

/** The text of tokens as a JSON string, in steps: whatever the borders of tokens are, a step ends with a whole character. */
function* jsonText(ids: readonly number[], tokenizer: Tokenizer): Generator<void, string> {
  const decoder = tokenizer.streamDecoder();
  const pieces: string[] = [];
  const add = (text: string): void => {
    pieces.push(JSON.stringify(text).slice(1, -1));
  };
  for (let i = 0; i < ids.length; i += STEP_TOKENS) {
    if (i > 0) yield;
    let text = '';
    for (const id of ids.slice(i, i + STEP_TOKENS)) text += decoder.push(id);
    add(text);
  }
  add(decoder.flush());
  return `"${pieces.join('')}"`;
}

function json(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'application/json' } });
}

const STEP_TOKENS = 1024;

/** A list as JSON, in steps of about a millisecond: it may have a million elements. */
function* jsonList(ids: readonly number[], show: (id: number) => unknown): Generator<void, string> {
  const pieces: string[] = [];
  for (let i = 0; i < ids.length; i += STEP_TOKENS) {
    if (i > 0) yield;
    pieces.push(JSON.stringify(ids.slice(i, i + STEP_TOKENS).map(show)).slice(1, -1));
  }
  return `[${pieces.join()}]`;
}

export const detokenizeRequest = z.object({
  model: optional(z.string()),
  tokens: z.union([tokenIds, z.array(z.never()).max(0)]),
});

/** `POST /detokenize`, for readers of both dialects. */
export async function detokenize(
  _: Context<AppEnv>,
  { served, settings, turns }: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const request = parseRequest(detokenizeRequest, body, settings.strict);
  served.check(request.model);
  const wrong = request.tokens.findIndex((id) => id >= served.tokenizer.vocabSize);
  if (wrong >= 0) throw badRequest(`There is no token ${request.tokens[wrong]}`, `tokens[${wrong}]`);
  const text = await turns.run(jsonText(request.tokens, served.tokenizer));
  return json(`{"content":${text},"prompt":${text}}`);
}

export const applyTemplateRequest = z.object({
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
    tokens: await served.encode(parts, 'messages'),
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
