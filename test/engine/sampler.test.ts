import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import { Sampler, SamplerScratch } from '../../src/engine/sampler.ts';

const logits = Float32Array.from([0, 3, 1, 3, -2, 2]);
const share = (sampler: Sampler, scores: Float32Array, id: number, draws = 4000): number => {
  let hits = 0;
  for (let i = 0; i < draws; i++) if (sampler.sample(scores) === id) hits++;
  return hits / draws;
};

describe('Sampler', () => {
  it('temperature 0 takes the largest logit, ties to the lowest id', () => {
    expect(new Sampler({ temperature: 0 }, []).sample(logits)).toBe(1);
  });

  it('one seed gives one sequence, another seed another', () => {
    const draw = (seed: number): number[] => {
      const sampler = new Sampler({ seed }, []);
      return Array.from({ length: 40 }, () => sampler.sample(logits));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('shares working memory with others: two that take turns draw what each draws alone', () => {
    const options = [
      { seed: 1, topK: 4 },
      { seed: 2, repetitionPenalty: 1.5 },
      { seed: 3, minP: 0.1 },
    ];
    const scratch = new SamplerScratch();
    const together = options.map((one) => new Sampler(one, [1, 3], undefined, scratch));
    const alone = options.map((one) => new Sampler(one, [1, 3]));
    for (let i = 0; i < 30; i++) {
      const scores = logits.map((value) => value * Math.cos(i));
      expect(together.map((sampler) => sampler.sample(scores))).toEqual(
        alone.map((sampler) => sampler.sample(scores)),
      );
    }
  });

  it('draws each token as often as softmax says', () => {
    const weights = Array.from(logits, Math.exp);
    const total = weights.reduce((a, b) => a + b);
    for (const id of [0, 1, 5])
      expect(share(new Sampler({ seed: id }, []), logits, id)).toBeCloseTo(weights[id] / total, 1);
  });

  it('top-k, top-p and min-p never let a token outside of their set through', () => {
    const drawn = (options: object): Set<number> => {
      const sampler = new Sampler({ seed: 1, temperature: 5, ...options }, []);
      return new Set(Array.from({ length: 500 }, () => sampler.sample(logits)));
    };
    expect(drawn({ topK: 1 })).toEqual(new Set([1]));
    expect(drawn({ topK: 3 })).toEqual(new Set([1, 3, 5]));
    expect(drawn({ temperature: 1, topP: 0.7 })).toEqual(new Set([1, 3]));
    expect(drawn({ temperature: 1, minP: 0.3 })).toEqual(new Set([1, 3, 5]));
  });

  it('the presence penalty acts once, the frequency penalty each time, on generated tokens only', () => {
    const even = Float32Array.from([1, 0.9, 0]);
    const presence = new Sampler({ temperature: 0, presencePenalty: 0.5 }, [0, 1, 2]);
    expect([presence.sample(even), presence.sample(even), presence.sample(even)]).toEqual([0, 1, 0]);
    const frequency = new Sampler({ temperature: 0, frequencyPenalty: 0.3 }, []);
    expect([0, 1, 2, 3, 4].map(() => frequency.sample(even))).toEqual([0, 1, 0, 1, 0]);
  });

  it('the repetition penalty counts the prompt and makes negative logits smaller too', () => {
    expect(new Sampler({ temperature: 0, repetitionPenalty: 2 }, [1, 3]).sample(logits)).toBe(5);
    expect(
      new Sampler({ temperature: 0, repetitionPenalty: 2 }, [0]).sample(Float32Array.from([-1, -1.5])),
    ).toBe(1);
  });

  it('logit bias can force and forbid a token', () => {
    expect(new Sampler({ temperature: 0, logitBias: new Map([[4, 100]]) }, []).sample(logits)).toBe(4);
    expect(new Sampler({ temperature: 0, logitBias: new Map([[1, -100]]) }, []).sample(logits)).toBe(3);
  });

  it('unused rows of the matrix are never chosen, however large their logits', () => {
    expect(new Sampler({ temperature: 0 }, [], new Set([1, 3])).sample(logits)).toBe(5);
    expect(share(new Sampler({ seed: 3 }, [], new Set([1, 3])), logits, 1)).toBe(0);
  });

  it('takes the same most likely token with restrictions, whether or not the others are looked at again', () => {
    const random = new Random(4);
    for (let i = 0; i < 300; i++) {
      const logits_V = Float32Array.from({ length: 70 }, () => random.below(12));
      const some = (): number[] => Array.from({ length: random.below(30) }, () => random.below(70));
      const unused = new Set(some());
      const restriction = {
        forbidden: some(),
        ...(i % 2 === 0 && { allowed: Uint32Array.of(random.below(2 ** 32), random.below(2 ** 32), 63) }),
      };
      // A bias for a token that does not exist changes nothing and needs all scores.
      const slow = new Sampler({ temperature: 0, logitBias: new Map([[70, 1]]) }, [], unused);
      const fast = new Sampler({ temperature: 0 }, [], unused);
      expect(fast.sample(logits_V, restriction)).toBe(slow.sample(logits_V, restriction));
    }
  });

  it('leaves the logits as they were', () => {
    const copy = logits.slice();
    new Sampler({ presencePenalty: 1, temperature: 0.5, topK: 2, seed: 1 }, [1]).sample(logits);
    expect(logits).toEqual(copy);
  });

  it.each([
    [{ temperature: -1 }, 'temperature'],
    [{ temperature: Number.NaN }, 'temperature'],
    [{ topP: 0 }, 'topP'],
    [{ topP: 1.5 }, 'topP'],
    [{ minP: 2 }, 'minP'],
    [{ presencePenalty: 3 }, 'presencePenalty'],
    [{ repetitionPenalty: 0 }, 'repetitionPenalty'],
    [{ seed: 0.5 }, 'seed'],
  ])('refuses %o by name', (options, name) => {
    expect(() => new Sampler(options, [])).toThrow(name);
  });
});
