import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/data/batch.ts';
import type { TrainingPrograms } from '../../src/train/training-programs.ts';
import { validate } from '../../src/train/validation.ts';
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
  it('measures whole batches up to the limit, a smaller set in one, and rewinds', async () => {
    const { programs, sizes } = costing(2);
    const [long, short] = [setOf('long', 1000), setOf('short', 48)];
    const { sets } = await validate(programs, [long, short], { maxTokens: 160, batchTokens: 64 });
    expect(sizes).toEqual([64, 64, 48]);
    // One of the 16 tokens of a document has no target; four bytes for each target.
    expect(sets.long).toEqual({ loss: 2, bitsPerByte: 240 / Math.LN2 / 480, tokens: 120 });
    expect(sets.short).toEqual({ loss: 2, bitsPerByte: 90 / Math.LN2 / 180, tokens: 45 });
    expect([long.source.position(), short.source.position()]).toEqual([0, 0]);
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
