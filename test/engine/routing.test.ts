import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { integersOf } from '../../src/backend/backend.ts';
import { openNativeBackend } from '../../src/backend/native/native-backend.ts';
import { referenceBackend } from '../../src/backend/reference/reference-backend.ts';
import { compile } from '../../src/compile/compile.ts';
import { Random } from '../../src/core/random.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import type { TokenDeltaEvent } from '../../src/engine/events.ts';
import { type GenerateOptions, generate } from '../../src/engine/generate.ts';
import { inferenceGraph } from '../../src/engine/inference-graph.ts';
import { configFromHf } from '../../src/model/config-hf.ts';
import { randomDots1Weights } from '../fixtures/random-dots1.ts';
import { weightsFromHf } from '../fixtures/sequence-logits.ts';
import { openSmallModel, SMALL_HF_CONFIG, type SmallModel } from '../fixtures/small-model.ts';

const prompt = (length: number, seed: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length }, () => random.below(64));
};

async function tokensWithRouting(
  model: SmallModel,
  tokens: readonly number[],
  options: GenerateOptions = {},
): Promise<{ tokens: number[]; experts: (number[] | undefined)[] }> {
  const deltas: TokenDeltaEvent[] = [];
  const all = { maxTokens: 6, temperature: 0.8, seed: 4, routing: true, ...options };
  for await (const event of generate(model, tokens, all))
    if (event.type === 'token-delta') deltas.push(event);
  return {
    tokens: deltas.map(({ token }) => token),
    experts: deltas.map(({ experts }) => experts && [...experts]),
  };
}

/** Where every position of a sequence is routed, read from the program in one pass: [position][layers × K]. */
async function routingOfSequence(tokens: readonly number[]): Promise<number[][]> {
  const config = configFromHf(SMALL_HF_CONFIG);
  const program = compile(inferenceGraph(config, 4), { name: 'dots1', supports: referenceBackend.supports });
  const weights = weightsFromHf(config, randomDots1Weights(SMALL_HF_CONFIG, 5));
  const executable = await referenceBackend.load(program, weights, {
    stateBindings: { P: 4 },
    stateType: storageTypeByName('f16'),
  });
  const range = Int32Array.from(tokens, (_, i) => i);
  const outputs = await executable.run(
    {
      tokens: Int32Array.from(tokens),
      positions: range,
      sequences: new Int32Array(tokens.length),
      outputRows: range,
      pages: Int32Array.from([0, 1, 2, 3]),
    },
    { T: tokens.length, O: tokens.length, B: 1 },
  );
  await executable.close();
  const layers = ['experts.1', 'experts.2'].map((name) => integersOf(outputs[name]));
  return tokens.map((_, t) => layers.flatMap((experts_TK) => [...experts_TK.subarray(3 * t, 3 * t + 3)]));
}

describe('routing', () => {
  let alone: SmallModel;
  beforeAll(async () => {
    alone = await openSmallModel({ maxParallel: 1 });
  });
  afterAll(async () => alone.close());

  it('of a token is that of the position before it, as one pass over the whole text gives it', async () => {
    const start = prompt(70, 1);
    const { tokens, experts } = await tokensWithRouting(alone, start);
    const whole = await routingOfSequence([...start, ...tokens]);
    expect(experts).toEqual(whole.slice(start.length - 1, -1));
    // Other positions are routed elsewhere, so a shift by one would show.
    expect(new Set(whole.map(String)).size).toBeGreaterThan(10);
  });

  it('is the same whatever else runs, however the prompt is chunked, and after it had to start again', async () => {
    const requests = fc.array(fc.record({ length: fc.integer({ min: 1, max: 90 }), seed: fc.nat(5) }), {
      minLength: 2,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(requests, fc.integer({ min: 1, max: 70 }), async (list, maxStepTokens) => {
        const together = await openSmallModel({ maxStepTokens, numPages: 4, maxParallel: 3 });
        const expected: unknown[] = [];
        for (const { length, seed } of list)
          expected.push(await tokensWithRouting(alone, prompt(length, seed)));
        // Requests without routing run in the same steps.
        const found = await Promise.all([
          ...list.map(({ length, seed }) => tokensWithRouting(together, prompt(length, seed))),
          tokensWithRouting(together, prompt(9, 9), { routing: false }),
        ]);
        expect(found.slice(0, -1)).toEqual(expected);
        expect(found.at(-1)?.experts.every((experts) => experts === undefined)).toBe(true);
        await together.close();
      }),
      { numRuns: 6, seed: 2 },
    );
  });

  it('is what the native backend says, too', async ({ skip }) => {
    const { backend } = openNativeBackend({ threads: 2 });
    if (!backend) return skip('the native backend is not built');
    const native = await openSmallModel({ backend });
    for (const seed of [1, 2, 3]) {
      const options = { temperature: 0 };
      expect(await tokensWithRouting(native, prompt(40, seed), options)).toEqual(
        await tokensWithRouting(alone, prompt(40, seed), options),
      );
    }
    await native.close();
  });

  it('is counted for each layer and expert, for the requests that enabled it', async () => {
    const model = await openSmallModel();
    await tokensWithRouting(model, prompt(5, 1), { routing: false });
    expect(model.routing.counts()).toMatchObject({ tokens: 0 });
    const { experts } = await tokensWithRouting(model, prompt(5, 1));
    const { tokens, layers } = model.routing.counts();
    expect(tokens).toBe(6);
    expect(layers.map(({ layer }) => layer)).toEqual([1, 2]);
    layers.forEach(({ counts }, i) => {
      const expected = new Array(8).fill(0);
      for (const row of experts) for (const id of row?.slice(3 * i, 3 * i + 3) ?? []) expected[id]++;
      expect(counts).toEqual(expected);
    });
    await model.close();
  });
});
