import fc from 'fast-check';
import { expect, it } from 'vitest';
import { argmax, mostLikely, nucleus } from '../../src/engine/candidates.ts';

it('mostLikely() equals sorting everything', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 60 }),
      fc.nat(),
      (values, n) => {
        const scores = Float32Array.from(values);
        const count = 1 + (n % values.length);
        const sorted = values.map((_, id) => id).sort((a, b) => scores[b] - scores[a] || a - b);
        expect(mostLikely(scores, count)).toEqual(sorted.slice(0, count));
        expect(argmax(scores)).toBe(sorted[0]);
        const skipped = new Set(sorted.slice(0, n % values.length));
        expect(argmax(scores, skipped)).toBe(sorted[skipped.size]);
      },
    ),
  );
});

it('mostLikely() of more than a few equals sorting everything too', () => {
  const scores = Float32Array.from({ length: 2000 }, (_, id) => (id * 7919) % 977);
  const sorted = Array.from(scores, (_, id) => id).sort((a, b) => scores[b] - scores[a] || a - b);
  for (const count of [511, 512, 513, 2000, 9999])
    expect(mostLikely(scores, count)).toEqual(sorted.slice(0, count));
});

it('nucleus() equals sorting everything, adding up, and cutting', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -60, max: 60, noNaN: true }), { minLength: 1, maxLength: 80 }),
      fc.double({ min: 0.1, max: 5, noNaN: true }),
      fc.constantFrom(0.01, 0.3, 0.8, 0.95, 1),
      fc.constantFrom(0, 0.02, 0.5),
      (values, temperature, share, minWeight) => {
        const scores_V = Float32Array.from([...values, Number.NEGATIVE_INFINITY]);
        const max = Math.max(...scores_V);
        const weights_V = Float64Array.from(scores_V, (score) => Math.exp((score - max) / temperature));
        const ids = Array.from(scores_V, (_, id) => id).sort((a, b) => scores_V[b] - scores_V[a] || a - b);
        const needed = share * weights_V.reduce((a, b) => a + b);
        const expected: number[] = [];
        for (let reached = 0; expected.length < ids.length && (share === 1 || reached < needed); ) {
          const id = ids[expected.length];
          expected.push(id);
          reached += weights_V[id];
        }
        const kept = expected.filter((id) => weights_V[id] >= minWeight);
        expect(nucleus({ scores_V, max, temperature, weights_V }, share, minWeight)).toEqual(kept);
      },
    ),
  );
});
