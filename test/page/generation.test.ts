import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Api } from '../../page/src/core/api.ts';
import { ApiError, retryAfter } from '../../page/src/core/api-error.ts';
import { Connection } from '../../page/src/core/connection.ts';
import { type GenerationOptions, type Progress, runGeneration } from '../../page/src/core/generation.ts';
import { choiceAt } from '../../page/src/core/token-odds.ts';

/** Each call of the page gets the next of these; the last one stays. */
function serve(...answers: (() => Response | Promise<Response>)[]): { count: () => number } {
  let count = 0;
  vi.stubGlobal('fetch', () => Promise.resolve(answers[Math.min(count++, answers.length - 1)]()));
  return { count: () => count };
}
const json =
  (value: unknown, status = 200, headers = {}) =>
  () =>
    new Response(JSON.stringify(value), { status, headers });
const stream = (...payloads: string[]) => new Response(payloads.map((data) => `data: ${data}\n\n`).join(''));
const piece = (content: string, reason: string | null = null) =>
  JSON.stringify({ choices: [{ delta: { content }, finish_reason: reason }] });
const whole = () => stream(piece('Yes.'), piece('', 'stop'), '[DONE]');
const busy = (headers: object) => json({ error: { message: 'Full', code: 'queue_full' } }, 429, headers);

const api = new Api('http://test/', () => '');
const run = (
  onProgress: (progress: Progress) => void = () => {},
  signal = new AbortController().signal,
  more: Partial<GenerationOptions> = {},
) =>
  runGeneration({
    api,
    request: { model: 'm', messages: [], fields: {} },
    layout: undefined,
    odds: false,
    before: undefined,
    signal,
    now: () => Date.now(),
    onProgress,
    ...more,
  });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('retryAfter()', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': '2', 'retry-after-ms': '150' }, 150],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('%j is %s ms', (headers, ms) => {
    expect(retryAfter(new Headers(headers as Record<string, string>), now)).toBe(ms);
  });
});

describe('an answer', () => {
  it('is requested again when a busy server said to, counting down', async () => {
    const calls = serve(busy({ 'retry-after': '3' }), whole);
    const waits: number[] = [];
    const running = run(({ retryInMs }) => retryInMs !== undefined && waits.push(retryInMs));
    await vi.advanceTimersByTimeAsync(2999);
    expect(calls.count()).toBe(1);
    expect(waits).toEqual([3000, 2000, 1000]);
    await vi.advanceTimersByTimeAsync(1);
    expect((await running).outcome).toMatchObject({ status: 'done', content: 'Yes.' });
  });

  it('that a person gives up waiting for has failed for the reason of the wait', async () => {
    const calls = serve(busy({ 'retry-after': '60' }));
    const controller = new AbortController();
    const running = run(() => {}, controller.signal);
    await vi.advanceTimersByTimeAsync(5000);
    controller.abort();
    expect((await running).outcome).toMatchObject({ status: 'failed', error: { code: 'queue_full' } });
    expect(calls.count()).toBe(1);
  });

  it.each([
    ['nothing', {}],
    ['an hour', { 'retry-after': '3600' }],
  ])('is not requested again where the server says %s', async (_, headers) => {
    const calls = serve(busy(headers));
    expect((await run()).outcome).toMatchObject({ status: 'failed', error: { code: 'queue_full' } });
    expect(calls.count()).toBe(1);
  });

  it('whose stream is silent says so after 8 seconds, until something comes', async () => {
    let more: (data: string) => void = () => {};
    let close = (): void => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        more = (data) => controller.enqueue(new TextEncoder().encode(`data: ${data}\n\n`));
        close = () => controller.close();
      },
    });
    serve(() => new Response(body));
    const silences: (number | undefined)[] = [];
    const running = run(({ silentMs }) => silences.push(silentMs));
    await vi.advanceTimersByTimeAsync(7999);
    expect(silences).toEqual([]);
    await vi.advanceTimersByTimeAsync(1001);
    expect(silences).toEqual([8000, 9000]);
    more(piece('Late.', 'stop'));
    await vi.advanceTimersByTimeAsync(1);
    expect(silences.at(-1)).toBeUndefined();
    more('[DONE]');
    close();
    expect((await running).outcome).toMatchObject({ status: 'done', content: 'Late.' });
  });

  it.each(['{"choices":[{"delta":', 'null', '{"choices":[null],"dots":{"routing":{"ids":"?"}}}', '<html>'])(
    'keeps what came before %s, and the reason is for people',
    async (broken) => {
      serve(() => stream(piece('Good so far'), broken));
      const { outcome } = await run();
      expect(outcome).toMatchObject({
        status: 'failed',
        content: 'Good so far',
        error: { code: 'bad_reply' },
      });
      expect(outcome.error?.message).toMatch(/^This is not/);
    },
  );
});

describe('an answer that is continued', () => {
  const stats = { promptTokens: 7, cachedTokens: 0, answerTokens: 3, tokensPerSecond: 1 };
  const before = { content: 'One two', stats, recording: undefined };

  it('keeps its text and adds the tokens of both parts', async () => {
    const bodies: string[] = [];
    const usage = '{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2}}';
    vi.stubGlobal('fetch', async (_: URL, init: RequestInit) => {
      bodies.push(String(init.body));
      return stream(piece(' three'), piece('', 'stop'), usage, '[DONE]');
    });
    const shown: string[] = [];
    const { outcome } = await run(({ content }) => shown.push(content), undefined, { before });
    expect(outcome).toMatchObject({ status: 'done', content: 'One two three', finishReason: 'stop' });
    expect(outcome.stats).toMatchObject({ promptTokens: 7, answerTokens: 5 });
    expect(shown[0]).toBe('One two three');
    expect(JSON.parse(bodies[0])).toMatchObject({
      continue_final_message: true,
      add_generation_prompt: false,
    });
  });

  it('keeps its text where continuing fails', async () => {
    serve(json({ error: { message: 'No', code: 'no' } }, 500));
    expect((await run(undefined, undefined, { before })).outcome).toMatchObject({
      status: 'failed',
      content: 'One two',
      error: { code: 'no' },
    });
  });
});

it('the odds of tokens are requested and read, parts of characters by their bytes', async () => {
  const bodies: string[] = [];
  const logprobs = {
    content: [
      {
        token: ' A',
        logprob: -0.25,
        top_logprobs: [
          { token: ' A', logprob: -0.25, bytes: [32, 65] },
          { token: '\ufffd', logprob: -2, bytes: [0xe4, 0xb8] },
        ],
      },
    ],
  };
  vi.stubGlobal('fetch', async (_: URL, init: RequestInit) => {
    bodies.push(String(init.body));
    return stream(
      JSON.stringify({ choices: [{ delta: { content: ' A' }, logprobs, finish_reason: 'stop' }] }),
      '[DONE]',
    );
  });
  const { recording } = await run(undefined, undefined, { odds: true });
  expect(JSON.parse(bodies[0])).toMatchObject({ logprobs: true, top_logprobs: 5 });
  expect(recording?.pieces).toEqual([' A']);
  expect(recording?.odds && choiceAt(recording.odds, 0)).toEqual({
    text: ' A',
    logprob: -0.25,
    top: [
      { text: ' A', logprob: -0.25 },
      { text: '<E4 B8>', logprob: -2 },
    ],
  });
});

describe('Connection', () => {
  const models = json({ data: [{ id: 'small', max_model_len: 64 }] });
  const away = (): never => {
    throw new TypeError('fetch failed');
  };
  const started = async () => {
    const connection = new Connection(api, () => false);
    await connection.connect();
    return connection;
  };

  it.each([
    ['loads its model', json({ error: { message: 'Loading model', code: 503 } }, 503), 'loading'],
    ['loads its model', json({ error: { message: 'No', code: 'model_loading' } }, 503), 'loading'],
    ['is away', async () => away(), 'failed'],
    [
      'is away while its proxy answers',
      () => new Response('<html>Bad gateway</html>', { status: 502 }),
      'failed',
    ],
    ['is another program', () => new Response('<html>Hello</html>'), 'failed'],
    ['is another program', json({ models: [] }), 'failed'],
  ])('asks a server that %s until it is ready', async (_, answer, status) => {
    serve(answer, answer, answer, models, () => new Response('', { status: 404 }));
    const connection = await started();
    expect(connection.state.value.status).toBe(status);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(connection.state.value).toMatchObject({ status: 'ready', model: { id: 'small' } });
  });

  it('asks ever less often, and never stops', async () => {
    const calls = serve(async () => away());
    const connection = await started();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls.count()).toBeLessThan(9);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(calls.count()).toBeGreaterThan(7);
    connection.close();
  });

  it('does not ask a server that wants another key', async () => {
    const calls = serve(json({ error: { code: 'invalid_api_key' } }, 401));
    const connection = await started();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(connection.state.value).toEqual({ status: 'needs-key', wasWrong: false });
    expect(calls.count()).toBe(1);
  });

  it('settled() waits while the model is loaded, or until the person stops', async () => {
    const loading = json({ error: { code: 'model_loading' } }, 503);
    serve(loading, loading, models);
    const connection = await started();
    const controller = new AbortController();
    const ends: string[] = [];
    void connection.settled(new AbortController().signal).then(() => ends.push('ready'));
    void connection.settled(controller.signal).then(() => ends.push('stopped'));
    controller.abort();
    await vi.advanceTimersByTimeAsync(500);
    expect(ends).toEqual(['stopped']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ends).toEqual(['stopped', 'ready']);
  });

  it('keeps the newest result where two attempts overlap', async () => {
    let answerFirst: (response: Response) => void = () => {};
    serve(
      () =>
        new Promise<Response>((resolve) => {
          answerFirst = resolve;
        }),
      models,
    );
    const connection = new Connection(api, () => true);
    const first = connection.connect();
    await connection.connect();
    answerFirst(json({ error: {} }, 401)());
    await first;
    expect(connection.state.value.status).toBe('ready');
  });
});

it('ApiError carries the numbers of a prompt that is too long', async () => {
  const error = { message: 'Too long', code: 'context_length_exceeded', n_prompt_tokens: 5000, n_ctx: 4096 };
  serve(json({ error }, 400));
  const failed = await api.models().catch((caught: unknown) => caught);
  expect(failed).toBeInstanceOf(ApiError);
  expect((failed as ApiError).details).toEqual({ promptTokens: 5000, contextLength: 4096 });
});
