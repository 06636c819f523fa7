import { describe, expect, it } from 'vitest';
import type { BatchSource } from '../../src/data/batch.ts';
import { BatchFeed } from '../../src/train/batch-feed.ts';

/** Batches full of the source's name, whose position is how many it has given. */
function counting(name: number): BatchSource {
  let given = 0;
  return {
    next: async (numTokens) => {
      given++;
      return {
        tokens_T: new Int32Array(numTokens).fill(name),
        targets_T: new Int32Array(numTokens).fill(name),
        positions_T: new Int32Array(numTokens),
        sequences_T: new Int32Array(numTokens),
        lossWeights_T: new Float32Array(numTokens),
      };
    },
    position: () => given,
    seek: async (position) => {
      given = position as number;
    },
  };
}

const openFeed = () =>
  new BatchFeed([
    { from: 0, source: counting(1) },
    { from: 100, source: counting(2) },
  ]);

describe('BatchFeed', () => {
  it('cuts a batch into micro-batches of one size, all from the source whose turn it is', async () => {
    const feed = openFeed();
    const sources = async (tokens: number) =>
      (await feed.take(tokens, 96, 32)).microBatches.map(({ tokens_T }) => [tokens_T.length, tokens_T[0]]);
    const first = Array.from({ length: 3 }, () => [32, 1]);
    const second = Array.from({ length: 3 }, () => [32, 2]);
    expect(await sources(0)).toEqual(first);
    // The data changes at the first step that begins at or after its number of tokens.
    expect(await sources(99)).toEqual(first);
    expect(await sources(100)).toEqual(second);
    expect(await sources(5000)).toEqual(second);
  });

  it('gives the positions after each batch, from which it resumes', async () => {
    const feed = openFeed();
    expect((await feed.take(0, 64, 32)).positions).toEqual([2, 0]);
    expect((await feed.take(128, 64, 32)).positions).toEqual([2, 2]);
    const resumed = openFeed();
    await resumed.seek([2, 1], 'x');
    expect((await resumed.take(128, 32, 32)).positions).toEqual([2, 2]);
  });

  it('refuses other data for a stage that was begun, and says which', () => {
    const facts = (...values: string[]) =>
      values.map((value, i) => ({ what: ['data.seed', 'a.tok', 'b.tok'][i], value }));
    const feed = new BatchFeed([
      { from: 0, source: counting(1), identity: facts('0', 'aa', 'bb') },
      { from: 100, source: counting(2), identity: facts('0', 'cc') },
    ]);
    const check =
      (tokens: number, ...stages: string[][]) =>
      () =>
        feed.checkIdentities(
          stages.map((values) => facts(...values)),
          tokens,
          'step-7',
        );
    expect(check(500, ['0', 'aa', 'bb'], ['0', 'cc'])).not.toThrow();
    // A checkpoint of an earlier release knows nothing; a stage that was not begun may still be changed.
    expect(check(500, [])).not.toThrow();
    expect(check(100, ['0', 'aa', 'bb'], ['0', 'dd'])).not.toThrow();
    expect(check(101, ['0', 'aa', 'bb'], ['0', 'dd'])).toThrow(
      /other data: a.tok is not what the run has read/,
    );
    expect(check(50, ['1', 'aa', 'bb'])).toThrow(/other data: data.seed is 0, it was 1/);
    expect(check(50, ['0', 'aa'])).toThrow(/b.tok is not what the run has read/);
  });

  it('a stage that a checkpoint does not know of begins at its beginning', async () => {
    const feed = openFeed();
    await feed.seek([7], 'x');
    expect(feed.positions()).toEqual([7, 0]);
  });
});
