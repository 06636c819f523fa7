import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/data/batch.ts';
import { PackedSource } from '../../src/data/packed-source.ts';
import type { TrainingPrograms } from '../../src/train/training-programs.ts';
import { validate } from '../../src/train/validation.ts';
import { numbered, streamOf } from '../data/helpers.ts';
import { ToySource } from './toy.ts';

/** Programs for which each counted target costs `nats`; `sizes` are those of the batches. */
function costing(nats: number) {
  const sizes: number[] = [];
  const measure = async ({ tokens_T, lossWeights_T }: Batch) => {
    sizes.push(tokens_T.length);
    return nats * lossWeights_T.reduce((a, b) => a + b, 0);
  };
  return { programs: { measure } as unknown as TrainingPrograms, sizes };
}

const setOf = (name: string, numTokens: number) => ({ name, source: new ToySource(), numTokens });

describe('validate()', () => {
  it('measures up to the limit, a smaller set in one batch, and rewinds', async () => {
    const { programs, sizes } = costing(2);
    const [long, short] = [setOf('long', 1000), setOf('short', 48)];
    const { sets } = await validate(programs, [long, short], { maxTokens: 160, batchTokens: 64 });
    expect(sizes).toEqual([64, 64, 32, 48]);
    // One of the 16 tokens of a document has no target; four bytes for each target.
    expect(sets.long).toEqual({ loss: 2, bitsPerByte: 300 / Math.LN2 / 600, tokens: 150 });
    expect(sets.short).toEqual({ loss: 2, bitsPerByte: 90 / Math.LN2 / 180, tokens: 45 });
    expect([long.source.position(), short.source.position()]).toEqual([0, 0]);
  });

  it('measures the same sequences in batches of any size, none cut but the last', async () => {
    const documents = numbered(3, 11, 8, 1, 20);
    const tokenBytes_V = new Uint16Array(100_000).fill(2);
    const measured = async (batchTokens: number) => {
      // The cost of a target is its position: it rises if a sequence is cut.
      const measure = async ({ positions_T, lossWeights_T }: Batch) =>
        lossWeights_T.reduce((sum, weight, t) => sum + weight * positions_T[t], 0);
      const whole = documents.map((document) => ({ ...document, keepWhole: true }));
      const source = new PackedSource(streamOf(whole), { sequenceLength: 8, tokenBytes_V });
      const set = { name: 'a', source, numTokens: 43 };
      const programs = { measure } as unknown as TrainingPrograms;
      return (await validate(programs, [set], { maxTokens: 41, batchTokens })).sets.a;
    };
    const expected = await measured(43);
    // 41 of 43 tokens in 8 sequences; the last tokens of the first four documents have no target.
    expect(expected.tokens).toBe(37);
    for (const size of [8, 9, 13, 20, 41]) expect(await measured(size)).toEqual(expected);
  });

  it('weighs sets by their tokens', async () => {
    let nats = 0;
    const measure = async (batch: Batch) => ++nats * batch.lossWeights_T.reduce((a, b) => a + b, 0);
    const programs = { measure } as unknown as TrainingPrograms;
    const limits = { maxTokens: 1000, batchTokens: 1000 };
    const result = await validate(programs, [setOf('a', 16), setOf('b', 48)], limits);
    expect(result.sets.a.loss).toBe(1);
    expect(result.sets.b.loss).toBe(2);
    expect(result.loss).toBeCloseTo((1 * 15 + 2 * 45) / 60, 12);
    expect(result.bitsPerByte).toBeCloseTo(result.loss / Math.LN2 / 4, 12);
  });

  it('stops between batches', async () => {
    const { programs, sizes } = costing(1);
    const stopped = validate(
      programs,
      [setOf('a', 1000)],
      { maxTokens: 1000, batchTokens: 64 },
      AbortSignal.abort(),
    );
    await expect(stopped).rejects.toThrow();
    expect(sizes).toEqual([]);
  });
});
