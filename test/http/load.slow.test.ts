import { expect, it } from 'vitest';
import { runLoad } from '../../bench/http-load.ts';
import { openTinyServer } from './listening.ts';

// The long form, two minutes with memory watched, is bench/http.ts.
it('64 clients that read, disconnect, stall and send malformed requests get right answers and free everything', async () => {
  const tiny = await openTinyServer({ maxQueue: 1000 }, { maxParallel: 16, contextLength: 512 });
  const report = await runLoad({
    url: tiny.server.url,
    numClients: 64,
    seconds: 8,
    seed: 1,
    contextLength: 512,
  });
  expect(report.wrong).toEqual([]);
  for (const kind of ['read', 'abort', 'slow', 'malformed', 'oversized', 'whole'])
    expect(report.counts[kind]).toBeGreaterThan(0);
  const { loop } = tiny.model.engine;
  await expect.poll(() => loop.numRunning + loop.numWaiting, { timeout: 30_000 }).toBe(0);
  expect(loop.pool.numAvailable).toBe(loop.pool.numPages);
  expect(tiny.app.numActive).toBe(0);
  await tiny.close();
});
