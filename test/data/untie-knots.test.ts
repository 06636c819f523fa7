import { describe, expect, it } from 'vitest';
import { CounterRandom } from '../../src/core/counter-random.ts';
import { Random } from '../../src/core/random.ts';
import { KnottedSequences, tieKnots } from '../../src/data/untie-knots.ts';
import { numbered, streamOf } from './helpers.ts';

// Markers as code points, so that they differ from the documents' numbers above 1000.
const encode = (text: string) => Int32Array.from(text, (char) => char.charCodeAt(0));
const OPTIONS = { chunkShares: [0, 0, 1], keepOrder: false, encode };
const SEQUENCES = {
  ...OPTIONS,
  sequenceLength: 40,
  random: (sequence: number) => new CounterRandom(3, 0, sequence),
};

function spelled(tokens: Int32Array): string {
  return Array.from(tokens, (id) => (id >= 1000 ? `[${id}]` : String.fromCharCode(id))).join('');
}

describe('tieKnots()', () => {
  const tied = (options = OPTIONS) => tieKnots(numbered(9, 12, 7), options, new Random(5));

  it('keeps every token of every document exactly once', () => {
    const tokens = tied().flatMap((segment) => [...segment.tokens].filter((id) => id >= 1000));
    expect(tokens.toSorted((a, b) => a - b)).toEqual(
      numbered(9, 12, 7).flatMap((document) => [...document.tokens]),
    );
  });

  it('lists the chunks of a document in the order that restores it', () => {
    const text = tied()
      .map((segment) => spelled(segment.tokens))
      .join('');
    const chunks = new Map(
      [...text.matchAll(/<D>(\w{6})<\/D>((?:\[\d+\])+)/g)].map((match) => [match[1], match[2]]),
    );
    expect(chunks.size).toBe(9);
    const documents = [...text.matchAll(/<S>(.*?)<\/S>/g)].map((match) =>
      match[1]
        .split('<s>')
        .map((id) => chunks.get(id))
        .join(''),
    );
    expect(documents.toSorted()).toEqual(numbered(9, 12, 7).map((document) => spelled(document.tokens)));
  });

  it('does not count what cannot be known, and counts the order', () => {
    let text = '';
    for (const { tokens, lossMask } of tied()) {
      text += Array.from(tokens, (id, i) =>
        lossMask[i] === 0 ? '·' : id >= 1000 ? 'x' : String.fromCharCode(id),
      ).join('');
    }
    // Markers of chunks and their ids are masked, and so is each chunk's first token; ids after <S> count.
    expect(text).not.toContain('<D>');
    expect(text).not.toContain('<S>');
    expect([...text.matchAll(/\w{6}<s>\w{6}<s>\w{6}<\/S>/g)]).toHaveLength(3);
    // 28 tokens; a document of 3 chunks has 4 knot tokens, and its first follows another document.
    expect([...text.matchAll(/x/g)].length).toBeLessThanOrEqual(28 - 3 * 5 + 3);
    expect([...text.matchAll(/x/g)].length).toBeGreaterThanOrEqual(28 - 3 * 5);
  });

  it('leaves the last chunk of the last document last', () => {
    for (let seed = 0; seed < 20; seed++) {
      const segments = tieKnots(numbered(9, 12, 7), OPTIONS, new Random(seed));
      const last = segments.flatMap((segment) => [...segment.tokens]).findLast((id) => id >= 1000);
      expect(last).toBe(3006);
    }
  });

  it('keeps the order of each document with keepOrder', () => {
    const tokens = tied({ ...OPTIONS, keepOrder: true }).flatMap(({ tokens }) =>
      [...tokens].filter((id) => id >= 1000),
    );
    for (const [i, document] of numbered(9, 12, 7).entries()) {
      const own = tokens.filter((id) => Math.floor(id / 1000) === i + 1);
      expect(own).toEqual([...document.tokens]);
    }
  });
});

describe('KnottedSequences', () => {
  it('gives sequences of exactly the length, knotted in the requested share', async () => {
    const stream = new KnottedSequences(streamOf(numbered(9, 12, 7, 30), 2), {
      ...SEQUENCES,
      probability: 0.3,
    });
    let knotted = 0;
    for (let i = 0; i < 300; i++) {
      const { tokens, lossMask } = await stream.next();
      expect([tokens.length, lossMask?.length]).toEqual([40, 40]);
      if (tokens.some((id) => id < 1000)) knotted++;
    }
    expect(knotted).toBeGreaterThan(60);
    expect(knotted).toBeLessThan(120);
  });

  it('resumes from any position with the same sequences', async () => {
    const make = () =>
      new KnottedSequences(streamOf(numbered(9, 12, 7, 30), 2), { ...SEQUENCES, probability: 0.5 });
    const stream = make();
    const positions: string[] = [];
    const expected = [];
    for (let i = 0; i < 12; i++) {
      positions.push(JSON.stringify(stream.position()));
      expected.push(await stream.next());
    }
    for (const [i, position] of positions.entries()) {
      const resumed = make();
      await resumed.seek(JSON.parse(position));
      for (const sequence of expected.slice(i)) expect(await resumed.next()).toEqual(sequence);
    }
  });
});
