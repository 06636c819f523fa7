/** What an operator relies on: keys, limits, shutdown, queues, health, the log. */
import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, it } from 'vitest';
import type { Executable } from '../../src/backend/backend.ts';
import { Turns } from '../../src/core/turns.ts';
import { Model } from '../../src/engine/model.ts';
import { openEngine } from '../../src/engine/open.ts';
import { parseKeyFile } from '../../src/server/access.ts';
import { createApp } from '../../src/server/app.ts';
import { networkOf } from '../../src/server/context.ts';
import { JsonLimits } from '../../src/server/json-limits.ts';
import { listen } from '../../src/server/listen.ts';
import { withDefaults } from '../../src/server/options.ts';
import type { LogEntry } from '../../src/server/request-record.ts';
import { ROUTES } from '../../src/server/routes.ts';
import { runCli } from '../cli/run-cli.ts';
import { openTinyServer } from './listening.ts';
import { VALID_REQUESTS } from './requests.ts';
import { openTinyApp, readEvents, type TinyApp, tinyModelPath } from './tiny-app.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field.
type Json = any;

const folder = mkdtempSync(join(tmpdir(), 'dots-operation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const long = { prompt: 'The', max_tokens: 4000, ignore_eos: true, stream: true };

describe('API keys', () => {
  it('are the lines of a file, without white space and empty lines', () => {
    expect(parseKeyFile('\ufefffirst\r\n\n  second \n', 'keys')).toEqual(['first', 'second']);
  });

  it.each(['', '\n\n \n', '# comment\nkey\n', 'schlüssel\n', 'two words\n', 'k\u0000e\u0000y\u0000'])(
    'a file with %j is refused: nobody means a server without a key',
    (text) => {
      expect(() => parseKeyFile(text, 'keys')).toThrow(expect.objectContaining({ code: 'bad-api-key' }));
    },
  );

  it.each<[string[], Record<string, string>]>([
    [['--api-key', ''], {}],
    [['--api-key', 'good', ' '], {}],
    [['--api-key', 'schlüssel'], {}],
    [[], { DOTS_API_KEY: '' }],
    [[], { DOTS_API_KEY: ' ' }],
  ])('serve %j with %j ends with 2 before a model is opened', async (flags, env) => {
    const result = await runCli(['serve', '/nowhere.gguf', '--port', '0', ...flags], { env });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('API key');
  });

  it('serve with a file of empty lines ends with 2', async () => {
    const file = join(folder, 'keys');
    writeFileSync(file, '\n\n');
    const result = await runCli(['serve', '/nowhere.gguf', '--port', '0', '--api-key-file', file]);
    expect({ code: result.code, isAboutKeys: result.stderr.includes('no API key in') }).toEqual({
      code: 2,
      isAboutKeys: true,
    });
  });

  it('an app with an empty key is not made', () => {
    expect(() => withDefaults({ apiKeys: ['good', ''] })).toThrow(
      expect.objectContaining({ code: 'bad-api-key' }),
    );
  });
});

describe('times and ports', () => {
  it.each([
    ['--timeout', '2592000'],
    ['--timeout', '0'],
    ['--drain', '2592000'],
    ['--port', '99999'],
    ['--port', '-1'],
  ])('%s %s, which no timer or socket can keep, is refused by name', async (flag, value) => {
    const result = await runCli(['serve', '/nowhere.gguf', flag, value]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(flag);
    expect(result.stderr).not.toContain('internal');
  });

  it.each(['timeoutSeconds', 'pingSeconds', 'slowReaderSeconds'])('%s of 30 days is refused', (name) => {
    expect(() => withDefaults({ [name]: 2_592_000 })).toThrow(
      expect.objectContaining({ code: 'bad-duration' }),
    );
  });

  it('listen() on a port that is none is a usage error', async () => {
    const tiny = await openTinyApp();
    await expect(listen(tiny.app, { host: '127.0.0.1', port: 99_999 })).rejects.toMatchObject({
      code: 'bad-port',
    });
    await tiny.close();
  });
});

describe('signals', () => {
  it.each([0, 1, 5, 20, 50, 100, 200])(
    'one after %d ms ends dots serve with 0, wherever it was',
    async (ms) => {
      const model = await tinyModelPath();
      const result = await runCli(['serve', model, '--port', '0', '--drain', '0'], { interruptAfterMs: ms });
      expect(result.code).toBe(0);
      expect(result.stderr).toMatch(/Stopped/);
    },
  );

  it('one at the moment when the server says that it serves ends it with 0', async () => {
    let isAsked = false;
    const result = await runCli(['serve', await tinyModelPath(), '--port', '0'], {
      onStderr: (text, interrupt) => {
        if (!text.includes('Serving') || isAsked) return;
        isAsked = true;
        interrupt();
      },
    });
    expect({ code: result.code, isAsked }).toEqual({ code: 0, isAsked: true });
  });
});

/** Sends bytes on a socket of its own, and gives all that comes back. */
function rawRequest(port: number, bytes: string): { socket: Socket; received: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  const received = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(text));
    socket.on('error', () => resolve(text));
  });
  socket.write(bytes);
  return { socket, received };
}

const HEAD = 'POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

describe('shutdown', () => {
  it('does not wait for a request that was half sent: it gets 503', async () => {
    const tiny = await openTinyServer();
    const { received } = rawRequest(tiny.server.port, `${HEAD}Content-Length: 500\r\n\r\n{"prompt"`);
    await expect.poll(() => tiny.app.numActive).toBe(1);
    const startMs = performance.now();
    expect(await tiny.server.shutDown(30_000)).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(await received).toMatch(/^HTTP\/1.1 503 [\s\S]*shutting_down/);
    await tiny.close();
  });

  it('does not wait for half a header', async () => {
    const tiny = await openTinyServer();
    const { received } = rawRequest(tiny.server.port, 'POST /v1/completions HTTP/1.1\r\nHost: loc');
    await sleep(50);
    expect(await tiny.server.shutDown(30_000)).toBe(0);
    expect(await received).toBe('');
    await tiny.close();
  });

  it('answers new connections with 503 while an answer is being written, then closes the port', async () => {
    const tiny = await openTinyServer();
    const stream = await fetch(`${tiny.baseURL}/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...long, max_tokens: 1500 }),
    });
    const done = tiny.server.shutDown(60_000);
    const health = await fetch(`${tiny.server.url}/health`);
    expect(health.status).toBe(503);
    expect(health.headers.get('connection')).toBe('close');
    const { received } = rawRequest(tiny.server.port, `${HEAD}Content-Length: 2\r\n\r\n{}`);
    expect(await received).toMatch(/^HTTP\/1.1 503 [\s\S]*shutting_down/);
    expect((await readEvents(stream)).at(-1)).toBe('[DONE]');
    expect(await done).toBe(0);
    await expect(fetch(`${tiny.server.url}/health`)).rejects.toThrow();
    await tiny.close();
  });
});

describe('the log and metrics', () => {
  it('a client that leaves in the middle of its body is 499, not an error of the server', async () => {
    const log: LogEntry[] = [];
    const tiny = await openTinyServer({ onRequestEnd: (entry) => log.push(entry) });
    const bodies = [
      'Content-Length: 500\r\n\r\n{"prompt"',
      'Content-Length: 500000\r\n\r\n{"prompt"',
      'Transfer-Encoding: chunked\r\n\r\n5\r\n{"pro',
    ];
    for (const body of bodies) {
      log.length = 0;
      const { socket } = rawRequest(tiny.server.port, HEAD + body);
      await expect.poll(() => tiny.app.numActive).toBe(1);
      socket.destroy();
      await expect.poll(() => log.length).toBe(1);
      expect({ body, status: log[0].status, error: log[0].error }).toEqual({
        body,
        status: 499,
        error: undefined,
      });
    }
    await tiny.close();
  });

  it('a stream that its reader ends counts the tokens that were generated', async () => {
    const log: LogEntry[] = [];
    const tiny = await openTinyApp({ onRequestEnd: (entry) => log.push(entry) });
    const reader = (await tiny.post('/v1/completions', long)).body?.getReader();
    for (let i = 0; i < 5; i++) await reader?.read();
    await reader?.cancel();
    await expect.poll(() => log.length).toBe(1);
    expect(log[0].status).toBe(499);
    expect(log[0].completion_tokens).toBeGreaterThan(4);
    const metrics = await (await tiny.get('/metrics')).text();
    expect(metrics).toContain(`dots_generation_tokens_total ${log[0].completion_tokens}`);
    await tiny.close();
  });

  it('durations are counted by route: probes do not hide the answers', async () => {
    const tiny = await openTinyApp();
    for (let i = 0; i < 3; i++) await tiny.get('/health');
    await tiny.post('/v1/completions', { prompt: 'The', max_tokens: 1 });
    const text = await (await tiny.get('/metrics')).text();
    expect(text).toContain('dots_request_seconds_count{route="/health"} 3');
    expect(text).toContain('dots_request_seconds_count{route="/v1/completions"} 1');
    expect(text).toMatch(/dots_request_seconds_bucket\{route="\/v1\/completions",le="\+Inf"\} 1/);
    expect(text.match(/# TYPE dots_request_seconds /g)).toHaveLength(1);
    await tiny.close();
  });
});

/** A request from an address, as Node's adapter passes it on. */
function postFrom(tiny: TinyApp, address: string, body: object, headers: object = {}): Promise<Response> {
  const request = new Request('http://localhost/v1/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return Promise.resolve(tiny.app.fetch(request, { address }));
}

describe('many clients', () => {
  it('one with 300 prompts fills its own queue; another is answered meanwhile', async () => {
    const tiny = await openTinyApp({}, { maxParallel: 4 });
    const many = await postFrom(tiny, '192.0.2.1', { ...long, prompt: Array(300).fill('The') });
    expect(many.status).toBe(200);
    expect((await postFrom(tiny, '192.0.2.1', long)).status).toBe(429);
    const other = await postFrom(tiny, '192.0.2.2', { prompt: 'The', max_tokens: 3 });
    expect(other.status).toBe(200);
    expect(tiny.model.engine.loop.numRunning).toBe(4);
    await many.body?.cancel();
    await tiny.close();
  });

  it('made-up keys do not make one client many: all places but one stay with one address until another comes', async () => {
    const tiny = await openTinyApp({}, { maxParallel: 4 });
    const crowd = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        postFrom(tiny, '192.0.2.1', long, {
          authorization: `Bearer made-up-${i}`,
          'x-api-key': `made-up-${i}`,
        }),
      ),
    );
    await expect.poll(() => tiny.model.engine.loop.numRunning).toBe(4);
    const startTokens = tiny.app.context.metrics.promptTokens;
    expect(startTokens).toBeDefined();
    const answer: Json = await (await postFrom(tiny, '192.0.2.2', { prompt: 'The', max_tokens: 3 })).json();
    expect(answer.usage.completion_tokens).toBe(3);
    // None of the crowd has had to end for it.
    expect(tiny.model.engine.loop.numRunning + tiny.model.engine.loop.numWaiting).toBe(20);
    for (const response of crowd) await response.body?.cancel();
    await tiny.close();
  });

  it('one request cannot have more than 2,048 answers, however they are spread', async () => {
    const tiny = await openTinyApp();
    const answer = await tiny.post('/v1/completions', { prompt: Array(200).fill('x'), n: 16, max_tokens: 1 });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param: 'n' } });
    await tiny.close();
  });

  it('holders of different keys are different clients, also at one address', async () => {
    const tiny = await openTinyApp({ apiKeys: ['first', 'second'], maxQueue: 1 }, { maxParallel: 1 });
    const ask = (key: string): Promise<Response> =>
      postFrom(tiny, '192.0.2.1', long, { authorization: `Bearer ${key}` });
    const answers = [await ask('first'), await ask('first')];
    expect((await ask('first')).status).toBe(429);
    answers.push(await ask('second'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const response of answers) await response.body?.cancel();
    await tiny.close();
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::5', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['', ''],
  ])('the network of %j is %j', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('health', () => {
  it('is 503 once an answer has found the file of the model truncated', async () => {
    const path = join(folder, 'model.gguf');
    copyFileSync(await tinyModelPath(), path);
    const model = new Model(await openEngine(path, { threads: 1 }));
    const app = createApp(model);
    const get = (): Promise<Response> => Promise.resolve(app.fetch(new Request('http://localhost/health')));
    const ask = async (): Promise<Response> =>
      app.fetch(
        new Request('http://localhost/v1/completions', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ prompt: 'The', max_tokens: 2 }),
        }),
      );
    expect((await ask()).status).toBe(200);
    expect((await get()).status).toBe(200);
    truncateSync(path, 4096);
    const broken = await ask();
    expect(broken.status).toBe(503);
    expect(await broken.json()).toMatchObject({ error: { code: 'model_unreadable' } });
    // The trial answers that it begins fail as well.
    for (let i = 0; i < 3; i++) {
      expect((await get()).status).toBe(503);
      await sleep(20);
    }
    await model.close();
  });

  it('is 200 again once a trial answer succeeds, without a request of a client', async () => {
    const tiny = await openTinyApp();
    const { options } = tiny.model.engine.loop as unknown as { options: { executable: Executable } };
    const { executable } = options;
    options.executable = { ...executable, run: () => Promise.reject(new Error('no memory')) };
    expect((await tiny.post('/v1/completions', { prompt: 'The', max_tokens: 2 })).status).toBe(500);
    expect((await tiny.get('/health')).status).toBe(503);
    options.executable = executable;
    await expect.poll(async () => (await tiny.get('/health')).status).toBe(200);
    await tiny.close();
  });
});

describe('streams', () => {
  it('the first token goes out alone, at once, though the head of the stream was just written', async () => {
    const tiny = await openTinyApp();
    const messages = [{ role: 'user', content: 'The' }];
    const body = { messages, max_tokens: 200, stream: true };
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      const reader = (await tiny.post(path, body)).body?.getReader();
      const head = new TextDecoder().decode((await reader?.read())?.value);
      const first = new TextDecoder().decode((await reader?.read())?.value);
      expect(head).not.toMatch(/"content":"[^"]|"text":"[^"]/);
      expect(first.match(/"content":"|text_delta/g)).toHaveLength(1);
      await reader?.cancel();
    }
    await tiny.close();
  });

  it('the first text goes out alone, at once, where the first token has none because it may begin a stop string', async () => {
    const tiny = await openTinyApp();
    const messages = [{ role: 'user', content: 'The' }];
    const greedy = { messages, temperature: 0 };
    const one = await tiny.post('/v1/chat/completions', { ...greedy, max_tokens: 1 });
    const { choices } = (await one.json()) as { choices: [{ message: { content: string } }] };
    const first = choices[0].message.content;
    const stop = [`${first}\u0000`];
    const body = { ...greedy, stream: true };
    const streams: [string, object, RegExp][] = [
      ['/v1/chat/completions', { stop, max_tokens: 200 }, /"content":"[^"]/g],
      ['/v1/messages', { stop_sequences: stop, max_tokens: 200 }, /"text":"[^"]/g],
    ];
    for (const [path, fields, text] of streams) {
      const reader = (await tiny.post(path, { ...body, ...fields })).body?.getReader();
      let texts: RegExpMatchArray | null = null;
      while (!texts) {
        const { value, done } = (await reader?.read()) ?? { done: true };
        if (done) break;
        texts = new TextDecoder().decode(value).match(text);
      }
      expect(texts, path).toHaveLength(1);
      await reader?.cancel();
    }
    await tiny.close();
  });
});

describe('bodies', () => {
  const many = (count: number, text: string): string => Array(count).fill(text).join();
  it.each([
    ['depth', '['.repeat(65)],
    ['fields', `{${many(10_001, '"a":1')}}`],
    ['fields of all objects', `[${many(7, `{${many(9_000, '"a":1')}}`)}]`],
    ['objects', `[${many(25_000, '{}')}]`],
    ['strings', `[${many(200_001, '""')}]`],
    ['elements', `[${many(250_002, '1')}]`],
    ['a long string', `["${'x'.repeat(6001)}"]`],
  ])('too many of %s are refused before they are parsed, wherever the text is cut', (_, text) => {
    for (const size of [text.length, 4093]) {
      const limits = new JsonLimits(1000);
      const pushAll = (): void => {
        for (let i = 0; i < text.length; i += size) limits.push(text.slice(i, i + size));
      };
      expect(pushAll).toThrow(expect.objectContaining({ details: expect.objectContaining({ status: 400 }) }));
    }
  });

  it.each([
    `{${many(10_000, '"a":1')}}`,
    `[${many(24_999, '{}')}]`,
    `["${'x'.repeat(6000)}"]`,
    `["${'{,['.repeat(2000)}", "\\\\", "\\"{"]`,
  ])('as many as are allowed pass: %.20s', (text) => {
    expect(() => new JsonLimits(1000).push(text)).not.toThrow();
  });

  it('text that cannot fit into the context is refused with the numbers to shorten it by, without tokenizing', async () => {
    const tiny = await openTinyApp();
    const { error }: Json = await (
      await tiny.post('/v1/chat/completions', { messages: [{ role: 'user', content: 'x'.repeat(900_000) }] })
    ).json();
    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'messages', n_ctx: 4096 });
    expect(error.n_prompt_tokens).toBeGreaterThan(4096);
    await tiny.close();
  });
});

describe('Turns', () => {
  it('gives long works alternate slices, and timers between them', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const work = function* (name: string): Generator<void, string> {
      for (let i = 0; i < 4; i++) {
        const endMs = performance.now() + 10;
        while (performance.now() < endMs);
        order.push(name);
        yield;
      }
      return name;
    };
    const timer = setInterval(() => order.push('timer'), 1);
    expect(await Promise.all([turns.run(work('a')), turns.run(work('b'))])).toEqual(['a', 'b']);
    clearInterval(timer);
    expect(order.join(' ')).toMatch(/a .*b .*a .*b/);
    expect(order.filter((name) => name === 'timer').length).toBeGreaterThan(2);
  });
});

describe('routes for tools of operators', () => {
  it('/ping is /health without a key, /version is that of the package', async () => {
    const tiny = await openTinyApp({ apiKeys: ['key'] });
    expect((await tiny.get('/ping')).status).toBe(200);
    const answer = await tiny.get('/version', { authorization: 'Bearer key' });
    expect(await answer.json()).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    await tiny.close();
  });

  it('/slots shows how far running requests are, and 503 on request while none is free', async () => {
    const tiny = await openTinyApp({}, { maxParallel: 2 });
    const read = async (): Promise<Json> => (await tiny.get('/slots')).json();
    expect(await read()).toEqual(
      [0, 1].map((id) => ({ id, n_ctx: 4096, speculative: false, is_processing: false })),
    );
    expect((await tiny.get('/slots?fail_on_no_slot=1')).status).toBe(200);
    const streams = await Promise.all([1, 2].map(() => tiny.post('/v1/completions', long)));
    await expect
      .poll(async () => (await read()).map((slot: Json) => slot.is_processing))
      .toEqual([true, true]);
    expect((await read())[0].n_tokens).toBeGreaterThan(0);
    expect((await tiny.get('/slots?fail_on_no_slot=1')).status).toBe(503);
    for (const stream of streams) await stream.body?.cancel();
    await tiny.close();
  });

  it('/openapi.json has every route, and the fields that its requests may have', async () => {
    const tiny = await openTinyApp();
    const { openapi, paths }: Json = await (await tiny.get('/openapi.json')).json();
    expect(openapi).toBe('3.1.0');
    for (const { method, paths: names } of ROUTES)
      for (const name of names)
        expect(paths[name.replace('{.+}', '}').replace(':id}', '{id}')], name).toHaveProperty(
          method.toLowerCase(),
        );
    const schemaOf = (path: string): Json => paths[path].post.requestBody.content['application/json'].schema;
    const chat = schemaOf('/v1/chat/completions');
    expect(chat.required).toEqual(['messages']);
    expect(chat.properties.temperature.description).toContain('greedy');
    // Refused fields are not offered.
    expect(chat.properties.use_beam_search).toBeUndefined();
    // Each is a schema that a validator takes, and it accepts what the server accepts.
    const ajv = new Ajv2020({ strict: false });
    for (const { path, body } of VALID_REQUESTS) {
      const validate = ajv.compile(schemaOf(path));
      expect(validate(body), `${path} ${JSON.stringify(body)} ${JSON.stringify(validate.errors)}`).toBe(true);
    }
    expect(ajv.validate(chat, { messages: 5 })).toBe(false);
    await tiny.close();
  });
});
