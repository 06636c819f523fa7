import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import type { GenerateEvent } from '../../src/engine/events.ts';
import { type GenerateOptions, generate } from '../../src/engine/generate.ts';
import { score } from '../../src/engine/score.ts';
import { PAGE_SIZE } from '../../src/graph/ops/cached-attention.ts';
import { openSmallModel, type SmallModel } from '../fixtures/small-model.ts';

const prompt = (length: number, seed: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length }, () => random.below(64));
};

async function collect(
  events: AsyncIterable<GenerateEvent>,
): Promise<{ tokens: number[]; events: GenerateEvent[] }> {
  const all: GenerateEvent[] = [];
  for await (const event of events) all.push(event);
  return { tokens: all.flatMap((event) => (event.type === 'token-delta' ? [event.token] : [])), events: all };
}

const tokensOf = async (model: SmallModel, tokens: number[], options: GenerateOptions): Promise<number[]> =>
  (await collect(generate(model, tokens, options))).tokens;

describe('the loop', () => {
  it('gives every request the tokens it would get alone, whatever else runs and however prompts are chunked', async () => {
    const requests = fc.array(
      fc.record({
        length: fc.integer({ min: 1, max: 90 }),
        seed: fc.nat(5),
        maxTokens: fc.integer({ min: 1, max: 12 }),
      }),
      {
        minLength: 2,
        maxLength: 5,
      },
    );
    const alone = await openSmallModel({ maxParallel: 1 });
    await fc.assert(
      fc.asyncProperty(
        requests,
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 4, max: 12 }),
        async (list, maxStepTokens, numPages) => {
          // So few pages that requests have to wait for each other, give way and start again.
          const together = await openSmallModel({ maxStepTokens, numPages, maxParallel: 3 });
          const run = (model: SmallModel) => (item: (typeof list)[number]) =>
            tokensOf(model, prompt(item.length, item.seed), {
              maxTokens: item.maxTokens,
              seed: item.seed,
              temperature: 0.8,
            });
          const expected: number[][] = [];
          for (const item of list) expected.push(await run(alone)(item));
          expect(await Promise.all(list.map(run(together)))).toEqual(expected);
          await together.close();
        },
      ),
      { numRuns: 8, seed: 1 },
    );
    await alone.close();
  });

  it('gives bit-identical logits for any chunking and with a warm or cold cache', async () => {
    const tokens = prompt(150, 3);
    const logitsOf = async (model: SmallModel): Promise<Float32Array[]> => {
      const rows: Float32Array[] = [];
      for await (const { logits_V } of score(model, tokens, tokens.length - 3)) rows.push(logits_V.slice());
      return rows;
    };
    const whole = await openSmallModel();
    const expected = await logitsOf(whole);
    expect(await logitsOf(whole)).toEqual(expected);
    for (const maxStepTokens of [1, 7, 64, 149]) {
      const pieces = await openSmallModel({ maxStepTokens });
      expect(await logitsOf(pieces)).toEqual(expected);
      await pieces.close();
    }
    await whole.close();
  });
});

describe('generate()', () => {
  let shared: SmallModel | undefined;
  const model = async (): Promise<SmallModel> => {
    shared ??= await openSmallModel({ maxParallel: 2 });
    return shared;
  };
  afterAll(async () => shared?.close());

  it('reports the prompt, each token and the end, in this order', async () => {
    const { events } = await collect(
      generate(await model(), prompt(10, 1), { maxTokens: 3, temperature: 0 }),
    );
    expect(events.filter(({ type }) => type !== 'prompt-progress').map(({ type }) => type)).toEqual([
      'prompt-end',
      'token-delta',
      'token-delta',
      'token-delta',
      'finish',
    ]);
    expect(events.at(-1)).toMatchObject({
      reason: 'length',
      timings: { promptTokens: 10, predictedTokens: 3 },
    });
  });

  it('stops at a stop token without giving it out', async () => {
    const free = await tokensOf(await model(), prompt(10, 1), { maxTokens: 8, temperature: 0 });
    const stop = free.find((token, i) => i > 0 && token !== free[0]) as number;
    const { tokens, events } = await collect(
      generate(await model(), prompt(10, 1), { maxTokens: 8, temperature: 0, stopTokens: [stop] }),
    );
    expect(tokens).toEqual(free.slice(0, free.indexOf(stop)));
    expect(events.at(-1)).toMatchObject({ reason: 'stop', stoppedBy: stop });
  });

  it('reports how much of the prompt was cached', async () => {
    const tokens = prompt(2 * PAGE_SIZE + 3, 42);
    await collect(generate(await model(), tokens, { maxTokens: 1 }));
    const { events } = await collect(generate(await model(), tokens, { maxTokens: 1 }));
    expect(events.find(({ type }) => type === 'prompt-end')).toMatchObject({ cachedTokens: 2 * PAGE_SIZE });
  });

  it('an aborted request ends with the reason, gives its pages back, and leaves the others alone', async () => {
    const small = await openSmallModel({ maxParallel: 2 });
    const controller = new AbortController();
    const reason = new Error('enough');
    const doomed = (async () => {
      for await (const event of generate(small, prompt(20, 1), {
        signal: controller.signal,
        temperature: 0,
      })) {
        if (event.type === 'token-delta') controller.abort(reason);
      }
    })();
    const other = tokensOf(small, prompt(20, 2), { maxTokens: 10, temperature: 0 });
    await expect(doomed).rejects.toBe(reason);
    const alone = await openSmallModel();
    expect(await other).toEqual(await tokensOf(alone, prompt(20, 2), { maxTokens: 10, temperature: 0 }));
    expect(small.pool.numFree).toBe(small.pool.numPages);
    await small.close();
    await alone.close();
  });

  it('a slow reader is paused, does not block others, and gets the same tokens in the end', async () => {
    const small = await openSmallModel({ maxParallel: 1 });
    const options = { maxTokens: 200, temperature: 0.8, seed: 3, ignoreEos: true };
    const slow = generate(small, prompt(5, 1), options);
    const first = await slow.next();
    expect(first.done).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // The only place is taken by a request whose reader sleeps; it is given to the one that is read.
    expect(await tokensOf(small, prompt(5, 2), { maxTokens: 3, temperature: 0 })).toHaveLength(3);
    const { tokens } = await collect(slow);
    const alone = await openSmallModel();
    expect(tokens).toEqual(await tokensOf(alone, prompt(5, 1), options));
    await small.close();
    await alone.close();
  });

  it('leaving the iteration early cancels the request', async () => {
    const small = await openSmallModel();
    for await (const event of generate(small, prompt(5, 1), { temperature: 0 }))
      if (event.type === 'token-delta') break;
    await tokensOf(small, prompt(5, 2), { maxTokens: 1 });
    expect(small.pool.numFree).toBe(small.pool.numPages);
    await small.close();
  });

  it('ends at the context length, with every position used', async () => {
    const context = (await model()).contextLength;
    const { tokens, events } = await collect(
      generate(await model(), prompt(context - 4, 1), { temperature: 0 }),
    );
    expect(tokens).toHaveLength(4);
    expect(events.at(-1)).toMatchObject({ reason: 'length' });
  });

  it.each([
    [[], 'empty-prompt'],
    [prompt(256, 1), 'prompt-too-long'],
    [[1, 64], 'token-out-of-range'],
    [[-1], 'token-out-of-range'],
    [[0.5], 'token-out-of-range'],
  ])('refuses the prompt %#: %s', async (tokens, code) => {
    await expect(collect(generate(await model(), tokens))).rejects.toMatchObject({ code });
  });

  it('a closed model refuses requests and ends the ones it has', async () => {
    const small = await openSmallModel();
    const running = collect(generate(small, prompt(5, 1), { temperature: 0 }));
    const refused = expect(running).rejects.toMatchObject({ code: 'closed' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await small.close();
    await refused;
    await expect(collect(generate(small, [1]))).rejects.toMatchObject({ code: 'closed' });
  });
});
