import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ResourceError } from '../../src/core/errors.ts';
import { ApiError, toApiError } from '../../src/server/api-error.ts';
import type { LogEntry } from '../../src/server/request-record.ts';
import { ROUTES } from '../../src/server/routes.ts';
import { schemaErrors } from './schemas.ts';
import { openTinyApp, readEvents, type TinyApp } from './tiny-app.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field.
type Json = any;

const log: LogEntry[] = [];
let tiny: TinyApp;
beforeAll(async () => {
  tiny = await openTinyApp({ aliases: ['other/name'], onRequestEnd: (entry) => log.push(entry) });
});
afterAll(() => tiny.close());

const user = (content: unknown): object[] => [{ role: 'user', content }];

describe('bad requests', () => {
  it.each<[unknown, number, string, string | null]>([
    ['{', 400, 'invalid_json', null],
    ['"text"', 400, 'invalid_json', null],
    [[], 400, 'invalid_json', null],
    [`{"messages":${'['.repeat(100)}${']'.repeat(100)}}`, 400, 'invalid_json', null],
    [{}, 400, 'invalid_value', 'messages'],
    [{ messages: 'text' }, 400, 'invalid_value', 'messages'],
    [{ messages: [] }, 400, 'invalid_value', 'messages'],
    [{ messages: [{}] }, 400, 'invalid_value', 'messages[0].role'],
    [{ messages: [{ role: 123 }] }, 400, 'invalid_value', 'messages[0].role'],
    [{ messages: user([{ type: 'image_url' }]) }, 400, 'invalid_value', 'messages[0].content[0].type'],
    [{ messages: [...user('x'), { role: 'user', content: 5 }] }, 400, 'invalid_value', 'messages[1].content'],
    [{ messages: user('x'), temperature: 3 }, 400, 'invalid_value', 'temperature'],
    [{ messages: user('x'), max_tokens: 0 }, 400, 'invalid_value', 'max_tokens'],
    [{ messages: user('x'), n: 99 }, 400, 'invalid_value', 'n'],
    [{ messages: user('x'), top_logprobs: 2 }, 400, 'invalid_value', 'top_logprobs'],
    [{ messages: user('x'), logit_bias: { 999999: 1 } }, 400, 'invalid_value', 'logit_bias.999999'],
    [{ messages: user('x'), stop: Array(17).fill('a') }, 400, 'invalid_value', 'stop'],
    [{ messages: user('x'.repeat(9000)) }, 400, 'context_length_exceeded', 'messages'],
    [{ messages: user('x'), model: 'gpt-4o' }, 404, 'model_not_found', 'model'],
  ])('%j gives an error that says what and where', async (body, status, code, param) => {
    const response = await tiny.post('/v1/chat/completions', body);
    const answer: Json = await response.json();
    expect(schemaErrors('error', answer)).toBeUndefined();
    expect({ status: response.status, code: answer.error.code, param: answer.error.param }).toEqual({
      status,
      code,
      param,
    });
  });

  it('a prompt that is too long reports both numbers by which clients shorten it', async () => {
    const response = await tiny.post('/v1/completions', { prompt: 'x'.repeat(9000) });
    const { error }: Json = await response.json();
    expect(error.n_ctx).toBe(4096);
    expect(error.n_prompt_tokens).toBeGreaterThan(4096);
    // Clients that do not read the code look for these words (LiteLLM, LangChain, Pydantic AI).
    expect(error.message).toMatch(/prompt is too long: .* this model's maximum context length is 4096 /);
  });

  it('a form, which any web page could post, gives 415', async () => {
    const response = await tiny.post('/v1/chat/completions', '{}', { 'content-type': 'text/plain' });
    expect(response.status).toBe(415);
  });

  it('a body that is too large gives 413, whether or not it says so', async () => {
    const small = await openTinyApp({ maxBodyBytes: 1000 });
    expect((await small.post('/v1/chat/completions', { messages: user('x'.repeat(2000)) })).status).toBe(413);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(300).fill(0x20));
      },
    });
    const request = new Request('http://localhost/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit);
    expect((await small.app.fetch(request)).status).toBe(413);
    await small.close();
  });

  it('an unknown route gives 404 in JSON, also for pages', async () => {
    for (const response of [await tiny.get('/nothing'), await tiny.post('/v1/audio/speech', {})]) {
      expect(response.status).toBe(404);
      expect(schemaErrors('error', await response.json())).toBeUndefined();
    }
  });

  it('several requests may have one id at the same time: tracing gives it to all calls of a task', async () => {
    const headers = { 'x-request-id': 'twice' };
    log.length = 0;
    const responses = await Promise.all(
      [1, 2, 3].map(() => tiny.post('/v1/chat/completions', { messages: user('x'), max_tokens: 2 }, headers)),
    );
    for (const response of responses) {
      expect(response.status).toBe(200);
      expect(response.headers.get('x-request-id')).toBe('twice');
    }
    const answers = (await Promise.all(responses.map((response) => response.json()))) as Json[];
    expect(new Set(answers.map(({ id }) => id)).size).toBe(3);
    expect(log.map(({ request_id }) => request_id)).toEqual(['twice', 'twice', 'twice']);
    expect(new Set(log.map(({ id }) => id)).size).toBe(3);
  });

  it('a body that is not UTF-8, or says so, is refused instead of read as other characters', async () => {
    const post = (body: Uint8Array, type: string): Promise<Response> =>
      Promise.resolve(
        tiny.app.fetch(
          new Request('http://localhost/v1/chat/completions', {
            method: 'POST',
            headers: { 'content-type': type },
            body: new Blob([new Uint8Array(body)]),
          }),
        ),
      );
    const text = JSON.stringify({ messages: user('é'), max_tokens: 1 });
    const utf8 = Buffer.from(text);
    expect((await post(utf8, 'application/json; charset=UTF-8')).status).toBe(200);
    expect((await post(Buffer.from(`\ufeff${text}`), 'application/json')).status).toBe(200);
    expect((await post(Buffer.from(text, 'latin1'), 'application/json; charset=latin1')).status).toBe(415);
    const compressed = { 'content-encoding': 'gzip' };
    expect((await tiny.post('/v1/chat/completions', text, compressed)).status).toBe(415);
    for (const bad of [Buffer.from(text, 'latin1'), Buffer.concat([Buffer.from([0xff, 0xfe]), utf8])]) {
      const response = await post(bad, 'application/json');
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'invalid_json' } });
    }
  });

  it('an unknown route of Anthropic’s API gives 404 in its own shape', async () => {
    const version = { 'anthropic-version': '2023-06-01' };
    for (const response of [
      await tiny.post('/v1/messages/batches', {}),
      await tiny.get('/v1/messages/batches/msgbatch_1'),
      await tiny.get('/v1/files', version),
      await tiny.get('/v1/models/none', version),
    ]) {
      expect(response.status).toBe(404);
      expect(response.headers.get('request-id')).toMatch(/^req_/);
      expect(await response.json()).toEqual({
        type: 'error',
        error: { type: 'not_found_error', message: expect.any(String) },
      });
    }
  });

  it('strict servers refuse what they do not know', async () => {
    const strict = await openTinyApp({ strict: true });
    const response = await strict.post('/v1/chat/completions', { messages: user('x'), max_token: 5 });
    expect(await response.json()).toMatchObject({ error: { code: 'unknown_field', param: 'max_token' } });
    await strict.close();
  });
});

describe('models', () => {
  it('are listed and found, also by ids with slashes and without the prefix', async () => {
    const list: Json = await (await tiny.get('/v1/models')).json();
    expect(schemaErrors('modelList', list)).toBeUndefined();
    expect(list.data.map((model: Json) => model.id)).toEqual(['tiny', 'other/name']);
    expect(list.data[0]).toMatchObject({ max_model_len: 4096, meta: { n_vocab: 448 } });
    expect((await tiny.get('/v1/models/other/name')).status).toBe(200);
    expect((await tiny.get('/models/tiny')).status).toBe(200);
    expect((await tiny.get('/v1/models/none')).status).toBe(404);
    expect((await tiny.get('/v1/models/%ff')).status).toBe(404);
  });

  it('are listed as Anthropic’s clients read them', async () => {
    const version = { 'anthropic-version': '2023-06-01' };
    const list: Json = await (await tiny.get('/v1/models', version)).json();
    expect(list).toMatchObject({ has_more: false, first_id: 'tiny', last_id: 'other/name' });
    const { created_at, ...first } = list.data[0];
    expect(first).toMatchObject({ type: 'model', id: 'tiny', display_name: 'tiny' });
    expect(new Date(created_at).toISOString()).toBe(created_at);
    expect(await (await tiny.get('/v1/models/tiny', version)).json()).toEqual(list.data[0]);
  });
});

describe('access', () => {
  it('with keys, only their holders get in; health needs none', async () => {
    const locked = await openTinyApp({ apiKeys: ['first', 'second'] });
    const body = { messages: user('x'), max_tokens: 1 };
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await locked.post('/v1/chat/completions', body, headers)).status;
    expect(await status({})).toBe(401);
    expect(await status({ authorization: 'Bearer firs' })).toBe(401);
    expect(await status({ authorization: 'Bearer second' })).toBe(200);
    expect(await status({ 'x-api-key': 'first' })).toBe(200);
    expect((await locked.get('/metrics')).status).toBe(401);
    expect((await locked.get('/health')).status).toBe(200);
    await locked.close();
  });

  it('a name that was made to point at this machine does not get in without a key', async () => {
    expect((await tiny.get('/v1/models', { host: 'evil.example' })).status).toBe(403);
    expect((await tiny.get('/v1/models', { host: '127.0.0.1:8000' })).status).toBe(200);
    expect((await tiny.get('/v1/models', { host: '[::1]:8000' })).status).toBe(200);
  });

  it('web pages of other origins do not get in; those of this machine and of the list do', async () => {
    const open = await openTinyApp({ corsOrigins: ['https://friend.example'] });
    const ask = (origin: string): Promise<Response> => open.get('/v1/models', { origin });
    expect((await ask('https://evil.example')).status).toBe(403);
    expect((await ask('null')).status).toBe(403);
    for (const origin of ['https://friend.example', 'http://localhost:3000']) {
      const response = await ask(origin);
      expect(response.status).toBe(200);
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    }
    const preflight = await open.app.fetch(
      new Request('http://localhost/v1/chat/completions', {
        method: 'OPTIONS',
        headers: { origin: 'https://friend.example', 'access-control-request-headers': 'x-stainless-os' },
      }),
    );
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe('x-stainless-os');
    await open.close();
  });
});

describe('errors from every middleware', () => {
  const body = { messages: user('x'), max_tokens: 4000 };
  /** What each middleware refuses, by the status and the code that says so. */
  const refusals: [string, number, string, (app: TinyApp, path: string) => Promise<Response>][] = [
    [
      'a foreign host',
      403,
      'host_not_allowed',
      (app, path) => app.post(path, body, { host: 'evil.example' }),
    ],
    [
      'a foreign page',
      403,
      'origin_not_allowed',
      (app, path) => app.post(path, body, { origin: 'https://evil.example' }),
    ],
    [
      'a form',
      415,
      'unsupported_media_type',
      (app, path) => app.post(path, '{}', { 'content-type': 'text/plain' }),
    ],
    [
      'too large a body',
      413,
      'body_too_large',
      (app, path) => app.post(path, { ...body, stop: 'x'.repeat(5000) }),
    ],
    [
      'new work while draining',
      503,
      'shutting_down',
      (app, path) => {
        app.app.drain();
        return app.post(path, body);
      },
    ],
  ];

  it.each(refusals)('%s: in the shape that clients of the route read', async (_, status, code, ask) => {
    const small = await openTinyApp({ maxBodyBytes: 4000 });
    // An answer that is being written.
    const stream = await small.post('/v1/chat/completions', { ...body, stream: true, ignore_eos: true });
    const openai = await ask(small, '/v1/chat/completions');
    expect({ status: openai.status, code: ((await openai.json()) as Json).error.code }).toEqual({
      status,
      code,
    });
    const anthropic = await ask(small, '/v1/messages');
    expect(anthropic.status).toBe(status);
    expect(anthropic.headers.get('request-id')).toBe(anthropic.headers.get('x-request-id'));
    expect(await anthropic.json()).toEqual({
      type: 'error',
      error: { type: expect.any(String), message: expect.any(String) },
    });
    await stream.body?.cancel();
    await small.close();
  });

  it('no route but health answers without a key, and all errors of a route have its shape', async () => {
    const locked = await openTinyApp({ apiKeys: ['key'] });
    for (const { method, paths, name, errors } of ROUTES) {
      for (const path of paths) {
        const response = await (method === 'GET' ? locked.get(path) : locked.post(path, {}));
        expect(response.status, path).toBe(name === '/health' ? 200 : 401);
        if (response.status === 200) continue;
        const { error: told }: Json = await response.json();
        // Ollama's errors are a message and nothing else.
        const { message, type, code }: Json = typeof told === 'string' ? { message: told } : told;
        const error = new ApiError(message, { status: 401, type, code });
        expect(errors.body(error), path).toMatchObject({ error: type ? { message, type } : message });
        expect(response.headers.has('request-id'), path).toBe(errors.idHeader === 'request-id');
      }
    }
    await locked.close();
  });

  it('an app that is mounted in another finds its routes and refuses in the same way', async () => {
    const outer = new Hono().route('/llm', tiny.app.hono);
    const get = (path: string, headers = {}): Promise<Response> =>
      Promise.resolve(outer.request(`http://localhost/llm${path}`, { headers }));
    expect((await get('/health')).status).toBe(200);
    expect((await get('/v1/models/other/name')).status).toBe(200);
    expect(await (await get('/v1/models/none')).json()).toMatchObject({ error: { code: 'model_not_found' } });
    expect((await get('/v1/models', { host: 'evil.example' })).status).toBe(403);
    const unknown = await get('/nothing');
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get('x-request-id')).toMatch(/^req_/);
    expect(schemaErrors('error', await unknown.json())).toBeUndefined();
  });
});

describe('the log', () => {
  it('has a line for each request, with numbers and without a word of it', async () => {
    const secret = 'xyzzy-secret';
    log.length = 0;
    await tiny.post(
      '/v1/chat/completions',
      { messages: user(secret), max_tokens: 3 },
      { 'x-request-id': 'mine-1' },
    );
    await tiny.post('/v1/chat/completions', `{"messages": ${secret}`);
    await readEvents(
      await tiny.post('/v1/chat/completions', { messages: user(secret), max_tokens: 3, stream: true }),
    );
    expect(log.map(({ status }) => status)).toEqual([200, 400, 200]);
    expect(log[0]).toMatchObject({
      request_id: 'mine-1',
      route: '/v1/chat/completions',
      completion_tokens: 3,
    });
    expect(JSON.stringify(log)).not.toContain(secret);
  });

  it('metrics count what happened', async () => {
    const text = await (await tiny.get('/metrics')).text();
    expect(text).toMatch(/dots_requests_total\{route="\/v1\/chat\/completions",status="200"\} [1-9]/);
    expect(text).toMatch(/dots_generation_tokens_total [1-9]/);
    expect(text).toMatch(/dots_kv_tokens_capacity [1-9]/);
    expect(text).toMatch(/dots_time_to_first_token_seconds_count [1-9]/);
    for (const line of text.trim().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) dots_\w+ .+|dots_\w+(\{[^}]*\})? [-\d.e+]+)$/);
  });
});

it('a disk that fails is not said to be memory that ran out, and the answer has no path', () => {
  const error = new ResourceError('Cannot run the model: cannot read /models/m.gguf at byte 7', {
    code: 'read-failed',
    hint: 'look at the disk',
  });
  const { message, details } = toApiError(error);
  expect(details).toMatchObject({ status: 503, code: 'model_unreadable' });
  expect(message).not.toContain('/models');
});
