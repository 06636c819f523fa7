import { describe, expect, it } from 'vitest';
import { CounterRandom } from '../../src/core/counter-random.ts';
import { type DocumentStream, shardDocuments } from '../../src/data/document-stream.ts';
import { JoinedSessions } from '../../src/data/joined-sessions.ts';
import { memorySource } from '../../src/format/memory-source.ts';
import { openTokenShard, type TokenShard, TokenShardWriter } from '../../src/format/token-shard.ts';
import { MemoryFiles } from '../format/helpers.ts';
import { numbered, streamOf } from './helpers.ts';

async function lengths(stream: DocumentStream, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await stream.next()).tokens.length);
  return found;
}

/** A shard of documents of the given lengths, the end token included. */
async function shardOf(...documents: readonly number[]): Promise<TokenShard> {
  const writer = new TokenShardWriter({ vocabSize: 8, endToken: 0 }, new Uint16Array(8));
  for (const length of documents) writer.add(new Uint16Array(length - 1).fill(7), length);
  const memory = new MemoryFiles();
  await writer.finish(await memory.create('shard.tok'));
  return await openTokenShard(memorySource(memory.files.get('shard.tok') as Uint8Array, 'shard.tok'));
}

describe('shardDocuments() of several shards', () => {
  const ALL = [1, 2, 3, 4, 5, 6];
  const shards = () => Promise.all([shardOf(1, 2, 3), shardOf(4), shardOf(5, 6)]);

  it('gives the documents of each shard in turn, and then again from the first', async () => {
    const stream = shardDocuments(await shards(), undefined);
    expect(stream.numDocuments).toBe(6);
    expect(await lengths(stream, 8)).toEqual([...ALL, 1, 2]);
  });

  it('shuffles over all shards: each document once in each epoch, in another order', async () => {
    const stream = shardDocuments(await shards(), new CounterRandom(1));
    const epochs = [await lengths(stream, 6), await lengths(stream, 6), await lengths(stream, 6)];
    for (const epoch of epochs) expect(epoch.toSorted()).toEqual(ALL);
    expect(new Set([ALL, ...epochs].map(String)).size).toBe(4);
  });

  it('resumes within any shard', async () => {
    const stream = shardDocuments(await shards(), new CounterRandom(1));
    const all = await lengths(stream, 12);
    for (let done = 0; done < 12; done++) {
      const started = shardDocuments(await shards(), new CounterRandom(1));
      await lengths(started, done);
      const resumed = shardDocuments(await shards(), new CounterRandom(1));
      await resumed.seek(started.position());
      expect(await lengths(resumed, 12 - done)).toEqual(all.slice(done));
    }
  });
});

describe('JoinedSessions', () => {
  const joined = (numSessions: number, maxTokens: number) =>
    new JoinedSessions(streamOf(numbered(2, 4, 3)), numSessions, maxTokens);

  it('joins numSessions of them, and no more', async () => {
    expect(await lengths(joined(1, 100), 4)).toEqual([2, 4, 3, 2]);
    expect(await lengths(joined(2, 100), 3)).toEqual([2 + 4, 3 + 2, 4 + 3]);
    expect(await lengths(joined(3, 100), 2)).toEqual([9, 9]);
    const { tokens, keepWhole } = await joined(2, 100).next();
    expect([...tokens]).toEqual([1000, 1001, 2000, 2001, 2002, 2003]);
    expect(keepWhole).toBe(true);
  });

  it('joins fewer where more would not fit, and gives the rest next', async () => {
    expect(await lengths(joined(3, 8), 4)).toEqual([2 + 4, 3 + 2, 4 + 3, 2 + 4]);
    expect(await lengths(joined(3, 9), 2)).toEqual([9, 9]);
    expect(await lengths(joined(3, 1), 3)).toEqual([2, 4, 3]);
  });
});
