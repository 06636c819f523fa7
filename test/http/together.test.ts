import { describe, expect, it } from 'vitest';
import { VALID_REQUESTS } from './requests.ts';
import { openTinyApp, readEvents, type TinyApp } from './tiny-app.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field.
type Json = any;

/** An answer without what differs from one time to the next by its nature: ids and times. */
async function lasting(response: Response): Promise<unknown> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  const body = isStream ? await readEvents(response) : [await response.json()];
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(strip);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !['id', 'created', 'timings', 'prompt_tokens_details'].includes(key))
        .map(([key, item]) => [key, strip(item)]),
    );
  };
  // Chunks of several answers come in any order.
  return (strip(body) as Json[]).sort(
    (a, b) => (a.choices?.[0]?.index ?? 99) - (b.choices?.[0]?.index ?? 99),
  );
}

const settle = (ms = 20): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How many sequences there are, at some time soon: other processes may delay this one. */
async function expectSequences({ model }: TinyApp, count: number): Promise<void> {
  const { loop } = model.engine;
  await expect.poll(() => loop.numRunning + loop.numWaiting, { timeout: 20_000, interval: 5 }).toBe(count);
  if (count === 0) expect(loop.pool.numAvailable).toBe(loop.pool.numPages);
}

describe('concurrent requests', () => {
  it('get the answers they get alone: 16 mixed ones, in little memory, some cut off, three times', async () => {
    // Room for 24 pages where eight sequences of full length would take 512: they wait and give way all the time.
    const crowded = await openTinyApp(
      { maxChoices: 4 },
      { maxParallel: 6, contextLength: 1024, kvBytes: 24 * 64 * 768 },
    );
    const alone = await openTinyApp({ maxChoices: 4 }, { maxParallel: 1 });
    expect(crowded.model.engine.loop.pool.numPages).toBeLessThan(60);
    const seeded = VALID_REQUESTS.filter(({ body }) => 'seed' in body);
    const requests = Array.from({ length: 16 }, (_, i) => {
      const { path, body } = seeded[i % seeded.length];
      return { path, body: { ...body, seed: 100 + i } };
    });
    const expected: unknown[] = [];
    for (const { path, body } of requests) expected.push(await lasting(await alone.post(path, body)));
    for (let round = 0; round < 3; round++) {
      const noise = requests.slice(0, 4).map(async ({ path, body }) => {
        const response = await crowded.post(path, {
          ...body,
          max_tokens: 500,
          stream: true,
          ignore_eos: true,
        });
        const reader = response.body?.getReader();
        await reader?.read();
        await settle(round * 10);
        await reader?.cancel();
      });
      const answers = await Promise.all(
        requests.map(async ({ path, body }) => lasting(await crowded.post(path, body))),
      );
      await Promise.all(noise);
      answers.forEach((answer, i) => {
        expect(answer).toEqual(expected[i]);
      });
    }
    await expectSequences(crowded, 0);
    await crowded.close();
    await alone.close();
  });

  it('above the queue limit get 429 and the time to come back', async () => {
    const tiny = await openTinyApp({ maxQueue: 2 }, { maxParallel: 1 });
    const ask = (): Promise<Response> =>
      tiny.post('/v1/completions', { prompt: 'The', max_tokens: 4000, ignore_eos: true, stream: true });
    const first = await Promise.all(Array.from({ length: 3 }, ask));
    expect(first.map(({ status }) => status)).toEqual([200, 200, 200]);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'queue_full' } });
    for (const response of first) await response.body?.cancel();
    await expectSequences(tiny, 0);
    await tiny.close();
  });
});

describe('a client that goes away', () => {
  const long = { messages: [{ role: 'user', content: 'The' }], max_tokens: 4000, ignore_eos: true };

  it('while it reads a stream ends its sequence and gives the pages back', async () => {
    const tiny = await openTinyApp();
    const response = await tiny.post('/v1/chat/completions', { ...long, stream: true });
    const reader = response.body?.getReader();
    for (let i = 0; i < 5; i++) await reader?.read();
    await expectSequences(tiny, 1);
    await reader?.cancel();
    await expectSequences(tiny, 0);
    const metrics = await (await tiny.get('/metrics')).text();
    expect(metrics).toContain('dots_requests_cancelled_total 1');
    await tiny.close();
  });

  it.each(['running', 'queued'])('while it waits for a whole answer ends its sequence, %s', async (state) => {
    const tiny = await openTinyApp({}, { maxParallel: 1 });
    const controller = new AbortController();
    const other =
      state === 'queued' ? await tiny.post('/v1/chat/completions', { ...long, stream: true }) : undefined;
    const answer = tiny.app.fetch(
      new Request('http://localhost/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...long, n: state === 'queued' ? 1 : 2 }),
        signal: controller.signal,
      }),
    );
    await expectSequences(tiny, 2);
    controller.abort();
    await expectSequences(tiny, state === 'queued' ? 1 : 0);
    await answer;
    await other?.body?.cancel();
    await expectSequences(tiny, 0);
    await tiny.close();
  });

  it('and comes back late: a slow reader is paused without a limitless queue, then cut off', async () => {
    const tiny = await openTinyApp({ maxUnsentBytes: 2000, slowReaderSeconds: 0.3 });
    const response = await tiny.post('/v1/chat/completions', {
      ...long,
      stream: true,
      dots: { receipt: true },
    });
    await expectSequences(tiny, 1);
    await expectSequences(tiny, 0);
    // What had been sent is about the limit, not the 4,000 tokens that were requested.
    const text = await response.text();
    expect(text.length).toBeLessThan(4000);
    expect(text).not.toContain('[DONE]');
    await tiny.close();
  });

  it('a slow reader that catches up gets the whole answer', async () => {
    const tiny = await openTinyApp({ maxUnsentBytes: 1000, slowReaderSeconds: 10 });
    const body = { ...long, max_tokens: 60, seed: 5 };
    const response = await tiny.post('/v1/chat/completions', { ...body, stream: true });
    await settle(100);
    const events = (await readEvents(response)) as Json[];
    const whole: Json = await (await tiny.post('/v1/chat/completions', body)).json();
    const text = events.map((event) => event.choices?.[0]?.delta.content ?? '').join('');
    expect(text).toBe(whole.choices[0].message.content);
    expect(events.at(-1)).toBe('[DONE]');
    await tiny.close();
  });
});

describe('the end of a server', () => {
  it('a time limit ends a request with an error that is not to be retried', async () => {
    const tiny = await openTinyApp({ timeoutSeconds: 0.1 });
    const body = { prompt: 'The', max_tokens: 4000, ignore_eos: true };
    const whole = await tiny.post('/v1/completions', body);
    expect(whole.status).toBe(503);
    expect(whole.headers.get('x-should-retry')).toBe('false');
    const events = (await readEvents(
      await tiny.post('/v1/completions', { ...body, stream: true }),
    )) as Json[];
    expect(events.at(-1)).toMatchObject({ error: { code: 'timeout' } });
    await expectSequences(tiny, 0);
    await tiny.close();
  });

  it('drains: open streams continue, new requests and health get 503; then cut-off streams end with an error', async () => {
    const tiny = await openTinyApp();
    const long = { prompt: 'The', max_tokens: 4000, ignore_eos: true, stream: true };
    const short = await tiny.post('/v1/completions', { ...long, max_tokens: 20 });
    const endless = await tiny.post('/v1/completions', long);
    tiny.app.drain();
    expect((await tiny.post('/v1/completions', long)).status).toBe(503);
    expect((await tiny.get('/health')).status).toBe(503);
    expect((await readEvents(short)).at(-1)).toBe('[DONE]');
    tiny.app.stop();
    expect((await readEvents(endless)).at(-1)).toMatchObject({ error: { code: 'shutting_down' } });
    await expectSequences(tiny, 0);
    await tiny.close();
  });

  it('health says so when steps stop while work is queued', async () => {
    const tiny = await openTinyApp({ stallSeconds: 60 });
    expect((await tiny.get('/health')).status).toBe(200);
    Object.defineProperty(tiny.model.engine.loop, 'stalledMs', { value: 61_000 });
    const stalled = await tiny.get('/health');
    expect(stalled.status).toBe(503);
    expect(await stalled.json()).toMatchObject({ error: { type: 'unavailable_error', code: 'stalled' } });
    await tiny.close();
  });
});
