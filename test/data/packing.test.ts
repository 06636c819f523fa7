import { describe, expect, it } from 'vitest';
import { CounterRandom } from '../../src/core/counter-random.ts';
import { FormatError } from '../../src/core/errors.ts';
import type { Batch, BatchSource } from '../../src/data/batch.ts';
import { ShuffledDocuments } from '../../src/data/document-stream.ts';
import { JoinedSessions } from '../../src/data/joined-sessions.ts';
import { Mixture } from '../../src/data/mixture.ts';
import { PackedSource } from '../../src/data/packed-source.ts';
import { numbered, streamOf } from './helpers.ts';

const tokenBytes_V = new Uint16Array(100_000).fill(2);

async function batches(source: BatchSource, count: number, size: number): Promise<Batch[]> {
  const all: Batch[] = [];
  for (let i = 0; i < count; i++) all.push(await source.next(size));
  return all;
}

describe('PackedSource', () => {
  it('predicts every token but the first of a document once, whatever the batch size', async () => {
    for (const size of [1, 5, 7, 8, 64]) {
      const source = new PackedSource(streamOf(numbered(3, 11, 8, 1)), { sequenceLength: 5, tokenBytes_V });
      const some = await batches(source, Math.ceil(23 / size), size);
      const inputs = some.flatMap((batch) => [...batch.tokens_T]).slice(0, 23);
      const targets = some.flatMap((batch) => [...batch.targets_T]).slice(0, 23);
      expect(inputs).toEqual([...numbered(3, 11, 8, 1).flatMap(({ tokens }) => [...tokens])]);
      for (const [i, target] of targets.entries()) {
        const isLast = i === 22 || inputs[i + 1] % 1000 === 0;
        expect(target).toBe(isLast ? -1 : inputs[i + 1]);
      }
    }
  });

  it('keeps sequences apart: positions begin at 0, numbers rise by one, none is too long', async () => {
    const source = new PackedSource(streamOf(numbered(3, 11, 8, 1)), { sequenceLength: 5, tokenBytes_V });
    const { positions_T, sequences_T } = await source.next(16);
    expect([...positions_T]).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 0, 1]);
    expect([...sequences_T]).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 4, 4]);
  });

  it('counts the bytes of what counts', async () => {
    const [document] = numbered(4);
    const masked = { ...document, lossMask: Uint8Array.of(1, 0, 1, 1) };
    const source = new PackedSource(streamOf([masked]), { sequenceLength: 8, tokenBytes_V });
    const batch = await source.next(4);
    expect([...batch.lossWeights_T]).toEqual([0, 1, 1, 0]);
    expect(batch.numBytes).toBe(4);
  });

  it('leaves room at the end of a batch rather than cut a conversation', async () => {
    const whole = numbered(3, 4, 2).map((document) => ({ ...document, keepWhole: true }));
    const source = new PackedSource(streamOf(whole), { sequenceLength: 8, tokenBytes_V });
    const [first, second] = await batches(source, 2, 6);
    expect([...first.tokens_T]).toEqual([1000, 1001, 1002, 0, 0, 0]);
    expect([...first.targets_T]).toEqual([1001, 1002, -1, -1, -1, -1]);
    expect([...first.sequences_T]).toEqual([0, 0, 0, 1, 1, 1]);
    expect([...second.tokens_T]).toEqual([2000, 2001, 2002, 2003, 3000, 3001]);
  });

  it('resumes from any position with the same bits, over epochs and mixtures', async () => {
    const make = () =>
      new PackedSource(
        new Mixture([
          { documents: streamOf(numbered(3, 11, 8, 1), 7), weight: 2 },
          { documents: new JoinedSessions(streamOf(numbered(2, 4, 3), 8), 3, 8), weight: 1 },
        ]),
        { sequenceLength: 5, tokenBytes_V },
      );
    const source = make();
    const positions = [];
    const expected: Batch[] = [];
    for (let i = 0; i < 20; i++) {
      positions.push(JSON.stringify(source.position()));
      expected.push(await source.next(7));
    }
    for (const [i, position] of positions.entries()) {
      const resumed = make();
      await resumed.seek(JSON.parse(position));
      expect(await batches(resumed, 20 - i, 7)).toEqual(expected.slice(i));
    }
  });

  it('refuses a position of other data', async () => {
    const source = new PackedSource(streamOf(numbered(3, 11), 1), { sequenceLength: 5, tokenBytes_V });
    const other = new PackedSource(streamOf(numbered(3, 11, 8), 1), { sequenceLength: 5, tokenBytes_V });
    await expect(source.seek(other.position())).rejects.toThrow(FormatError);
    await expect(source.seek('nonsense')).rejects.toThrow(FormatError);
    await source.seek({ documents: { epoch: 0, document: 0, of: 2 }, offset: 400 });
    await expect(source.next(4)).rejects.toThrow(FormatError);
  });
});

describe('ShuffledDocuments', () => {
  it('gives every document once an epoch, in an order that seed and epoch decide', async () => {
    const epochs = async (seed: number) => {
      const stream = new ShuffledDocuments(
        50,
        async (i) => ({ tokens: Int32Array.of(i) }),
        new CounterRandom(seed),
      );
      const all: number[][] = [];
      for (let epoch = 0; epoch < 3; epoch++) {
        all.push([]);
        for (let i = 0; i < 50; i++) all[epoch].push((await stream.next()).tokens[0]);
      }
      return all;
    };
    const first = await epochs(1);
    for (const epoch of first)
      expect(epoch.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(first[0]).not.toEqual(first[1]);
    expect(await epochs(1)).toEqual(first);
    expect(await epochs(2)).not.toEqual(first);
  });
});

describe('Mixture', () => {
  it('keeps the shares of tokens to within a document', async () => {
    const mixture = new Mixture([
      { documents: streamOf(numbered(30, 40)), weight: 1 },
      { documents: streamOf(numbered(7)), weight: 3 },
    ]);
    const given = [0, 0];
    for (let i = 0; i < 500; i++) {
      const { tokens } = await mixture.next();
      given[tokens.length === 7 ? 1 : 0] += tokens.length;
      const [a, b] = given;
      expect(Math.abs(3 * a - b)).toBeLessThanOrEqual(3 * 40 + 7);
    }
  });
});

describe('JoinedSessions', () => {
  it('joins as many as fit and loses none', async () => {
    const joined = new JoinedSessions(streamOf(numbered(2, 4, 3, 5)), 3, 8);
    const lengths = [];
    for (let i = 0; i < 4; i++) lengths.push((await joined.next()).tokens.length);
    // 2+4, 3+5, 2+4, 3+5: the third never fits.
    expect(lengths).toEqual([6, 8, 6, 8]);
  });
});
