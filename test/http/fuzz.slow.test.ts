import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mutatedRequest } from './requests.ts';
import { schemaErrors } from './schemas.ts';
import { openTinyApp } from './tiny-app.ts';

/** Enough for every run of the tests; DOTS_FUZZ_REQUESTS=20000 DOTS_FUZZ_SEED=2 looks further. */
const NUM_REQUESTS = Number(process.env.DOTS_FUZZ_REQUESTS ?? 3000);
const BATCH = 20;

/** Long answers would only take time. */
function shortened(path: string, body: Readonly<Record<string, unknown>>): object {
  const limits = ['max_tokens', 'max_completion_tokens', 'n_predict', 'max_output_tokens'];
  const isLong = (value: unknown): boolean => typeof value === 'number' && (value > 64 || value === -1);
  const short = Object.fromEntries(
    Object.entries(body).map(([key, value]) =>
      limits.includes(key) && isLong(value) ? [key, 64] : [key, value],
    ),
  );
  const isLimited = limits.some((key) => short[key] !== undefined && short[key] !== null);
  return isLimited ? short : { ...short, [path === '/v1/responses' ? 'max_output_tokens' : 'max_tokens']: 8 };
}

it('no body of a request gives a 5xx, a hang or a broken answer', async () => {
  const { app, post, model, close } = await openTinyApp({ maxChoices: 4 }, { maxParallel: 16 });
  const statuses = new Map<number, number>();
  const check = async (path: string, body: string): Promise<void> => {
    const response = await post(path, body);
    const { status } = response;
    const text = await response.text();
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status !== 200) {
      expect({ status, isClientError: status >= 400 && status < 500 }).toEqual({
        status,
        isClientError: true,
      });
      const body = JSON.parse(text);
      if (path === '/v1/messages') expect(typeof body.error.message).toBe('string');
      else expect(schemaErrors('error', body)).toBeUndefined();
    } else if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
      expect(text).not.toContain('"internal');
      const last = text.trimEnd().split('\n\n').at(-1) ?? '';
      // After the first byte an error is a line of the stream; nothing that a request says may lead there.
      expect(last).toMatch(/^(data: \[DONE\]$|event: (message_stop|response\.(completed|incomplete))\n)/);
    } else {
      JSON.parse(text);
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.array(mutatedRequest, { minLength: BATCH, maxLength: BATCH }), async (requests) => {
      await Promise.all(
        requests.map(async ({ path, body }) => {
          await check(
            path,
            JSON.stringify(/completions|responses|messages/.test(path) ? shortened(path, body) : body),
          );
        }),
      );
    }),
    { numRuns: NUM_REQUESTS / BATCH, seed: Number(process.env.DOTS_FUZZ_SEED ?? 1), endOnFailure: true },
  );
  // Bytes that are not JSON at all.
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), (text) =>
      check('/v1/chat/completions', text),
    ),
    { numRuns: 500, seed: 1 },
  );
  expect(app.numActive).toBe(0);
  expect(model.engine.loop.numRunning + model.engine.loop.numWaiting).toBe(0);
  expect(model.engine.loop.pool.numAvailable).toBe(model.engine.loop.pool.numPages);
  // Most bodies must get past the first check, or nothing was tested.
  expect(statuses.get(200)).toBeGreaterThan(NUM_REQUESTS / 10);
  await close();
});
