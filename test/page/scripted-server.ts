import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Violations are errors in the browser's log. The real server's policy is tested in real-server.slow.test.ts. */
const POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** What the server does with a question. */
export interface Script {
  readonly text?: string;
  /** Send all of it at once instead of token by token. */
  readonly isWhole?: boolean;
  /** Milliseconds between tokens. */
  readonly pauseMs?: number;
  readonly tokensPerSecond?: number;
  /** Say no more after so many tokens until `release` is called. */
  readonly holdAfter?: number;
  /** Cut the connection after so many tokens. */
  readonly cutAfter?: number;
  readonly error?: ScriptedError;
  /** Functions that are called after the text; the pieces of their arguments count as tokens. */
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: string }[];
  /** A payload of the stream that is sent after the text as it is. */
  readonly raw?: string;
}

export interface ScriptedError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Further fields of the error. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export interface ScriptedServer {
  readonly url: string;
  /** The page, by path. */
  readonly files: Map<string, Buffer>;
  /** Bodies of the chat requests so far. */
  readonly requests: { messages: { role: string; content: string }[]; [field: string]: unknown }[];
  /** Chat requests whose client went away before the end. */
  numAborted: number;
  /** Called for each question. */
  answer: (question: string) => Script;
  apiKey: string | undefined;
  /** Longer prompts are refused, as by the real server. */
  contextLength: number;
  /** What `/v1/models` says instead of its list. */
  modelsError: ScriptedError | undefined;
  /** Lets the newest held answer continue. */
  release: () => void;
  close(): Promise<void>;
}

export interface Layout {
  readonly layers: number;
  readonly firstLayer: number;
  readonly experts: number;
  readonly chosen: number;
}

/** As in dots.llm1. */
export const LARGE: Layout = { layers: 61, firstLayer: 1, experts: 128, chosen: 6 };

/** As the real server has it for dots.llm1. */
const PROPS = {
  n_ctx: 4096,
  n_ctx_train: 32768,
  num_layers: 62,
  num_experts: 128,
  num_experts_per_token: 6,
  num_shared_experts: 2,
  parameters: { total: 142e9, active: 14e9 },
  weight_bytes: { Q6_K: 20e9, Q4_K: 60e9 },
  kv_type: 'f16',
  memory: { weights: 80e9, kv: 1e9, prefix_cache: 0.5e9, kv_capacity: 6e9 },
  sampling_defaults: { temperature: 0.7, top_p: 0.8, top_k: 20 },
};

/** The built page and a model with scripted answers, so that tests know every word beforehand; `mount` as behind a proxy. */
export async function startScriptedServer(layout: Layout = LARGE, mount = '/'): Promise<ScriptedServer> {
  const state: ScriptedServer = {
    url: '',
    files: readPage(),
    requests: [],
    numAborted: 0,
    answer: () => ({ text: 'Hello.' }),
    apiKey: undefined,
    contextLength: 4096,
    modelsError: undefined,
    release: () => {},
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((request, response) => {
    const path = `/${(request.url ?? '/').split('?')[0].slice(mount.length)}`;
    const file = state.files.get(path === '/' ? '/index.html' : path);
    if (request.method === 'GET' && file) {
      response.writeHead(200, {
        'content-type': TYPES[extname(path) || '.html'],
        'content-security-policy': POLICY,
      });
      response.end(file);
      return;
    }
    if (state.apiKey !== undefined && request.headers.authorization !== `Bearer ${state.apiKey}`) {
      sendError(response, { status: 401, code: 'invalid_api_key', message: 'This server needs an API key' });
    } else if (path === '/v1/models' && state.modelsError) {
      sendError(response, state.modelsError);
    } else if (path === '/v1/models') {
      sendJson(response, {
        object: 'list',
        data: [{ id: 'scripted', object: 'model', max_model_len: state.contextLength }],
      });
    } else if (path === '/props') {
      sendJson(response, PROPS);
    } else if (path === '/dots/experts') {
      sendJson(response, {
        num_experts: layout.experts,
        num_experts_per_token: layout.chosen,
        tokens: 10,
        layers: moeLayers(layout).map((layer) => ({
          layer,
          counts: Array.from({ length: layout.experts }, (_, expert) => (expert * 7 + layer) % 5),
        })),
      });
    } else if (path === '/tokenize' && request.method === 'POST') {
      void readBody(request).then(({ messages }) => sendJson(response, { count: countTokens(messages) }));
    } else if (path === '/v1/chat/completions' && request.method === 'POST') {
      void chat(request, response, state, layout);
    } else {
      sendError(response, { status: 404, code: 'unknown_route', message: `There is no ${path}` });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${mount}` });
}

async function chat(
  request: IncomingMessage,
  response: ServerResponse,
  state: ScriptedServer,
  layout: Layout,
): Promise<void> {
  const body = await readBody(request);
  state.requests.push(body);
  const numTokens = countTokens(body.messages);
  if (numTokens >= state.contextLength) {
    return sendError(response, {
      status: 400,
      code: 'context_length_exceeded',
      message: `The prompt has ${numTokens} tokens`,
      extra: { n_prompt_tokens: numTokens, n_ctx: state.contextLength },
    });
  }
  const script = state.answer(body.messages.at(-1)?.content ?? '');
  if (script.error) return sendError(response, script.error);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.on('close', () => {
    if (!response.writableFinished) state.numAborted++;
  });
  const send = (chunk: object): void => void response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  const choice = (delta: object, reason: string | null = null) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason: reason }],
    usage: null,
  });
  send(choice({ role: 'assistant', content: '' }));
  const texts = script.isWhole ? [script.text ?? ''] : pieces(script.text ?? '');
  const parts: { readonly token: string; readonly delta: object }[] = [
    ...texts.map((token) => ({ token, delta: { content: token } })),
    ...(script.toolCalls ?? []).flatMap(({ name, arguments: json }, index) =>
      ['', ...pieces(json)].map((token, i) => ({
        token,
        delta: { tool_calls: [{ index, function: { ...(i === 0 && { name }), arguments: token } }] },
      })),
    ),
  ];
  const tokens = parts.map(({ token }) => token);
  const startMs = Date.now();
  const wantsRouting = (body.dots as { routing?: boolean } | undefined)?.routing === true;
  for (const [i, { token, delta }] of parts.entries()) {
    if (response.destroyed) return;
    if (script.cutAfter === i) {
      response.destroy();
      return;
    }
    if (script.holdAfter === i)
      await new Promise<void>((resolve) => {
        state.release = resolve;
      });
    const routing = wantsRouting && {
      dots: {
        routing: { first: 10 + i, ids: Buffer.from(route(tokens[i - 1] ?? '', layout)).toString('base64') },
      },
    };
    const said = choice(delta);
    const choices = [{ ...said.choices[0], ...(body.logprobs === true && { logprobs: oddsOf(token) }) }];
    send({ ...said, choices, ...routing });
    // Timers are too coarse for a pause after each token.
    const aheadMs = script.tokensPerSecond ? startMs + (1000 * i) / script.tokensPerSecond - Date.now() : 0;
    if (aheadMs > 5) await new Promise((resolve) => setTimeout(resolve, aheadMs));
    if (script.pauseMs) await new Promise((resolve) => setTimeout(resolve, script.pauseMs));
  }
  if (script.raw !== undefined) response.write(`data: ${script.raw}\n\n`);
  send({ ...choice({}, 'stop'), timings: { predicted_per_second: 42 } });
  const usage = {
    prompt_tokens: 12,
    completion_tokens: tokens.length,
    total_tokens: 12 + tokens.length,
    prompt_tokens_details: { cached_tokens: 4 },
  };
  send({ id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [], usage });
  response.end('data: [DONE]\n\n');
}

async function readBody(request: IncomingMessage): Promise<ScriptedServer['requests'][number]> {
  let text = '';
  for await (const piece of request) text += piece;
  return JSON.parse(text) as ScriptedServer['requests'][number];
}

/** Of the prompt that messages become: four more for each message. */
function countTokens(messages: ScriptedServer['requests'][number]['messages']): number {
  return messages.reduce((sum, { content }) => sum + 4 + pieces(content).length, 0);
}

/** Every token had a chance of a half; two others had a quarter and an eighth. */
function oddsOf(token: string): object {
  const entry = (text: string, chance: number) => ({
    token: text,
    logprob: Math.log(chance),
    bytes: [...Buffer.from(text)],
  });
  const top_logprobs = [entry(token, 0.5), entry(' other', 0.25), entry(' third', 0.125)];
  return { content: [{ ...entry(token, 0.5), top_logprobs }] };
}

/** A word with the space before it, a Han character, or a sign. */
function pieces(text: string): readonly string[] {
  return text.match(/\s?[\p{L}\p{N}]{1,7}(?<!\p{Script=Han})|\p{Script=Han}|\s?[^\s\p{L}\p{N}]|\s/gu) ?? [];
}

/** Experts that depend on the token, with favourites in each layer and different ones for each script. */
export function route(token: string, { layers, firstLayer, experts, chosen }: Layout): Uint8Array {
  const shift = /\p{Script=Han}/u.test(token) ? 40 : 0;
  const ids: number[] = [];
  for (let layer = firstLayer; layer < layers; layer++) {
    const row = new Set<number>();
    for (let k = 0; row.size < chosen; k++) {
      const random = (hash(`${token} ${layer} ${k}`) / 2 ** 32) ** 2;
      row.add((Math.floor(random * experts) * 37 + layer * 11 + shift) % experts);
    }
    ids.push(...row);
  }
  return Uint8Array.from(ids);
}

function hash(text: string): number {
  let h = 2166136261;
  for (const character of text) h = Math.imul(h ^ (character.codePointAt(0) as number), 16777619);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

function moeLayers({ layers, firstLayer }: Layout): number[] {
  return Array.from({ length: layers - firstLayer }, (_, i) => firstLayer + i);
}

function sendJson(
  response: ServerResponse,
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

function sendError(response: ServerResponse, { status, code, message, headers, extra }: ScriptedError): void {
  sendJson(
    response,
    { error: { message, type: 'server_error', param: null, code, ...extra } },
    status,
    headers,
  );
}

function readPage(): Map<string, Buffer> {
  const root = fileURLToPath(new URL('../../dist/page', import.meta.url));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name));
  return new Map(
    files
      .filter((path) => statSync(path).isFile())
      .map((path) => [`/${relative(root, path)}`, readFileSync(path)]),
  );
}
