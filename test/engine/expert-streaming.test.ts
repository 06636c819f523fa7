import { copyFileSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import { planStreaming } from '../../src/engine/expert-streaming.ts';
import { shippedModelPath } from '../../src/engine/model-source.ts';
import type { StoredWeight } from '../../src/graph/stored-weight.ts';
import { type Model, type OpenOptions, open } from '../../src/index.ts';

const MINI = shippedModelPath();
const { backend } = openNativeBackend();

/** All experts of one of mini's layers: the smallest cache that works. */
const ONE_LAYER = 1_880_064;

async function logitsOf(model: Model, tokens: readonly number[]): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  for await (const { logits_V } of model.logits(tokens, { first: 0 })) rows.push(logits_V.slice());
  return rows;
}

describe.skipIf(!backend)('streamed experts (skipped where the native backend is not built)', () => {
  let resident: Model;
  beforeAll(async () => {
    resident = await open(MINI, { expertCache: 'off' });
  });
  afterAll(() => resident.close());

  it('give the logits of mapped weights to the bit, whatever cache, way of reading, threads, steps and neighbours', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          expertCache: fc.integer({ min: ONE_LAYER, max: 6 * ONE_LAYER }),
          expertIo: fc.constantFrom('direct' as const, 'page' as const),
          threads: fc.integer({ min: 1, max: 3 }),
          maxStepTokens: fc.integer({ min: 1, max: 80 }),
        }),
        fc.array(fc.array(fc.nat(8000), { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 4 }),
        async (options, prompts) => {
          await using model = await open(MINI, { ...options, maxParallel: prompts.length });
          const rows = await Promise.all(prompts.map((tokens) => logitsOf(model, tokens)));
          for (const [i, tokens] of prompts.entries())
            expect(rows[i]).toEqual(await logitsOf(resident, tokens));
          expect(model.engine.streamingStats?.chosen).toBeGreaterThan(0);
          expect(model.engine.streamingStats?.heldBytes).toBeLessThanOrEqual(options.expertCache);
        },
      ),
      { numRuns: 6 },
    );
  }, 60_000);

  it('are read once for all rows of a step, and not again while there is room', async () => {
    await using model = await open(MINI, { expertCache: 6 * ONE_LAYER });
    const tokens = Array.from({ length: 200 }, (_, i) => (i * 37 + 11) % 8000);
    await logitsOf(model, tokens);
    const first = model.engine.streamingStats;
    // 200 tokens choose nearly all of the five layers' 32 experts; each was read once.
    expect(first?.bytesRead).toBeLessThanOrEqual(5 * ONE_LAYER);
    expect(first?.chosen).toBe((first?.bytesRead ?? 0) / (ONE_LAYER / 32));
    await logitsOf(model, tokens.toReversed());
    expect(model.engine.streamingStats?.bytesRead).toBeLessThanOrEqual(5 * ONE_LAYER);
  });

  it('of a file that is cut while it is open end the request with its name and the place, not the process', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dots-streaming-'));
    try {
      const path = join(folder, 'cut.gguf');
      copyFileSync(MINI, path);
      await using model = await open(path, { expertCache: ONE_LAYER });
      await logitsOf(model, [1, 2, 3]);
      truncateSync(path, 6_000_000);
      for (let i = 0; i < 2; i++)
        await expect(logitsOf(model, [100 + i, 200, 300])).rejects.toMatchObject({
          code: expect.stringMatching(/^(read-failed|file-changed)$/),
          message: expect.stringContaining(path),
        });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('need a cache for all experts of a layer, and say so', async () => {
    await expect(open(MINI, { expertCache: ONE_LAYER - 1 })).rejects.toMatchObject({
      code: 'expert-cache-too-small',
      hint: expect.stringContaining(`${ONE_LAYER}B`),
    });
  });
});

it('a backend that does not stream refuses a cache for it', async () => {
  await expect(open(MINI, { backend: 'reference', expertCache: 1e7 })).rejects.toMatchObject({
    code: 'no-expert-streaming',
  });
});

describe('planStreaming()', () => {
  const weight = (name: string, shape: readonly number[], sizeBytes: number): StoredWeight => ({
    name,
    shape,
    type: storageTypeByName('q8_0'),
    parts: [{ sizeBytes, file: { path: 'big.gguf', offset: 0 }, read: async () => new Uint8Array() }],
  });
  const weights = [
    weight('output', [8, 8], 5e9),
    ...[1, 2, 3, 4].flatMap((layer) =>
      ['gate', 'up', 'down'].map((kind) => weight(`layers.${layer}.experts.${kind}`, [4, 8, 8], 4e9)),
    ),
  ];
  const plan = (availableBytes: number | undefined, options: OpenOptions = {}, canStream = true) =>
    planStreaming({ name: 'big.gguf', weights, kvBytes: 1e9, canStream, availableBytes }, options);

  it('streams nothing where the model fits, or nobody knows', () => {
    expect(plan(54e9)).toEqual({});
    expect(plan(undefined)).toEqual({});
  });

  it('gives experts what is free after everything else and a margin', () => {
    const { streaming, message } = plan(30e9);
    expect(streaming).toEqual({ io: 'direct', cacheBytes: 30e9 * 0.95 - 6e9 });
    expect(message).toContain('22.5 GB of 48.0 GB (47%) are kept');
  });

  it('says what is missing where not even one layer fits in addition to the rest, and maps the file', () => {
    const { streaming, message } = plan(15e9);
    expect(streaming).toBeUndefined();
    expect(message).toContain('3.75 GB are missing');
  });

  it('follows what is requested', () => {
    expect(plan(54e9, { expertCache: 20e9, expertIo: 'page' }).streaming).toEqual({
      cacheBytes: 20e9,
      io: 'page',
    });
    expect(plan(54e9, { expertCache: 90e9 }).streaming?.cacheBytes).toBe(48e9);
    expect(plan(30e9, { expertCache: 'off' }).message).toContain('weights will be read from disk');
    expect(plan(30e9, {}, false).message).toContain('weights will be read from disk');
  });
});
