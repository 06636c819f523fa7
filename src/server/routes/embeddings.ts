import type { Context } from 'hono';
import { embed } from '../../engine/embed.ts';
import { answerWhole } from '../answer-stream.ts';
import { badRequest } from '../api-error.ts';
import { type AppEnv, clientOf, type ServerContext } from '../context.ts';
import { Lifetime } from '../lifetime.ts';
import { ollamaEmbedRequest } from '../ollama/ollama-request.ts';
import { embeddingsRequest } from '../openai/embeddings-request.ts';
import { parseRequest, unknownFields } from '../openai/validate.ts';
import { ignoredParts } from '../receipt.ts';
import type { ServedModel } from '../served-model.ts';
import { checkOllamaModel } from './ollama.ts';

/** `POST /v1/embeddings`. */
export async function embeddings(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const { served, settings } = context;
  const request = parseRequest(embeddingsRequest, body, settings.strict);
  served.check(request.model);
  const width = served.engine.config.hiddenSize;
  if (request.dimensions !== undefined && request.dimensions !== width)
    throw badRequest(`dimensions: must be ${width}, the width of this model, or absent`, 'dimensions');
  const inputs = await inputsOf(c, context, request.input, 'input');
  const vectors = await embedAll(c, context, inputs);
  const show = request.encoding_format === 'base64' ? base64 : floats;
  const items = await context.turns.map(
    vectors,
    (vector, index) => `{"object":"embedding","index":${index},"embedding":${show(vector)}}`,
  );
  const numTokens = numTokensOf(inputs);
  const more = {
    model: served.name,
    usage: { prompt_tokens: numTokens, total_tokens: numTokens },
    ...(request.dots?.receipt && {
      dots: {
        receipt: {
          fingerprint: served.fingerprint,
          prompt_token_ids: inputs,
          ignored: ignoredParts(unknownFields(embeddingsRequest, body), { skipped: [] }),
        },
      },
    }),
  };
  return jsonParts('{"object":"list","data":', items, more);
}

/** `POST /api/embed`: the same in Ollama's API. */
export async function ollamaEmbed(
  c: Context<AppEnv>,
  context: ServerContext,
  body: Record<string, unknown>,
): Promise<Response> {
  const startMs = performance.now();
  const { served, settings } = context;
  const request = parseRequest(ollamaEmbedRequest, body, settings.strict);
  checkOllamaModel(served, request.model);
  const inputs = await inputsOf(c, context, request.input ?? [], 'input', request.truncate ?? true);
  const vectors = await embedAll(c, context, inputs);
  const items = await context.turns.map(vectors, floats);
  return jsonParts(`{"model":${JSON.stringify(served.name)},"embeddings":`, items, {
    total_duration: Math.round((performance.now() - startMs) * 1e6),
    load_duration: 0,
    prompt_eval_count: numTokensOf(inputs),
  });
}

async function inputsOf(
  c: Context<AppEnv>,
  context: ServerContext,
  input: string | readonly (string | number | readonly number[])[],
  param: string,
  isCut = false,
): Promise<(readonly number[])[]> {
  const { served } = context;
  context.checkQueue(clientOf(c));
  const list = typeof input === 'string' ? [input] : typeof input[0] === 'number' ? [input] : input;
  const inputs: (readonly number[])[] = [];
  for (const one of list as readonly (string | readonly number[])[]) {
    const text = isCut && typeof one === 'string' ? served.cutText(one) : one;
    const ids = typeof text === 'string' ? await encodeInput(text, served, param) : text;
    if (ids.length === 0) throw badRequest(`${param}: a text is empty`, param);
    if (!isCut) served.checkLength(ids, param);
    inputs.push(isCut ? served.cutTokens(ids) : ids);
  }
  context.checkQueue(clientOf(c));
  return inputs;
}

async function encodeInput(text: string, served: ServedModel, param: string): Promise<readonly number[]> {
  const ids = await served.encodePrompt([{ text, control: false }], param);
  const { bos } = served.tokenizer.special;
  return bos === undefined ? ids : [bos, ...ids];
}

/** All inputs together in the batch; if one fails the others end, too. */
async function embedAll(
  c: Context<AppEnv>,
  context: ServerContext,
  inputs: readonly (readonly number[])[],
): Promise<Float32Array[]> {
  const lifetime = new Lifetime(c.req.raw.signal, context);
  const record = c.get('record');
  record.onPromptEnd(numTokensOf(inputs), 0);
  const options = { client: clientOf(c), signal: lifetime.signal };
  return await answerWhole(
    lifetime,
    Promise.all(inputs.map((ids) => embed(context.served.engine, ids, options))),
  );
}

function numTokensOf(inputs: readonly (readonly number[])[]): number {
  return inputs.reduce((sum, ids) => sum + ids.length, 0);
}

function floats(vector: Float32Array): string {
  return JSON.stringify(Array.from(vector));
}

function base64(vector: Float32Array): string {
  return JSON.stringify(Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64'));
}

/** An object whose list has many megabytes: it is sent in parts, never joined. */
function jsonParts(head: string, items: readonly string[], more: object): Response {
  const parts = items.map((item, i) => (i === 0 ? item : `,${item}`));
  return new Response(new Blob([`${head}[`, ...parts, `],${JSON.stringify(more).slice(1)}`]), {
    headers: { 'content-type': 'application/json' },
  });
}
