import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { formatCount } from '../../src/core/units.ts';
import { storageTypeByName } from '../../src/dtype/index.ts';
import {
  type Choice,
  DivergenceObjective,
  outputErrorObjective,
  type TensorChoices,
  totalsOf,
} from '../../src/recipe/predicted-divergence.ts';
import { checkBudget, correctionsFrom } from '../../src/recipe/search-recipe.ts';
import { type Budget, solveTypes } from '../../src/recipe/solve-types.ts';

const LAYERS = [
  { layer: 1, factor: 0.1, exponent: 1, linearBelow: 0 },
  { layer: 2, factor: 0.05, exponent: 0.7, linearBelow: 0.02 },
];

/** Tensors of uneven sizes whose errors fall with the bits, as those of real types do. */
function randomTensors(random: Random, numTensors: number, numChoices: number): TensorChoices[] {
  return Array.from({ length: numTensors }, (_, i) => {
    const size = 1 + random.below(50);
    const isRouted = random.uniform() < 0.5;
    const scale = Math.exp(2 * random.normal());
    const shares = LAYERS.map(() => scale * random.uniform() * 0.05);
    const choices = Array.from({ length: numChoices }, (__, t): Choice => {
      const error = 4 ** -t * (0.7 + 0.6 * random.uniform());
      const bytes = size * (2 + t);
      return {
        type: storageTypeByName('q4_0'),
        bytes,
        readBytes: isRouted ? bytes / 4 : bytes,
        likelihood: 0.01 * scale * error,
        variances: Float64Array.from(shares, (share) => share * error),
        outputError: size * error,
      };
    });
    return { name: `t${i}`, shape: [size, 32], choices };
  });
}

/** The least value of all assignments that keep to the budget. */
function exhaustive(
  tensors: readonly TensorChoices[],
  budget: Budget,
  objective: DivergenceObjective | typeof outputErrorObjective,
): number {
  let best = Number.POSITIVE_INFINITY;
  const assignment = tensors.map(() => 0);
  const visit = (i: number): void => {
    if (i < tensors.length) {
      for (let t = 0; t < tensors[i].choices.length; t++) {
        assignment[i] = t;
        visit(i + 1);
      }
      return;
    }
    const totals = totalsOf(tensors, assignment);
    if (totals.bytes <= budget.bytes && totals.readBytes <= budget.readBytes)
      best = Math.min(best, objective.value(totals));
  };
  visit(0);
  return best;
}

describe('solveTypes()', () => {
  it.each([
    ['divergence, bytes of the file', new DivergenceObjective(LAYERS), false],
    ['divergence, bytes that a token reads too', new DivergenceObjective(LAYERS), true],
    ['errors of outputs', outputErrorObjective, false],
  ] as const)('finds what trying everything finds: %s', (_, objective, hasRead) => {
    const random = new Random(7);
    const ratios: number[] = [];
    for (let trial = 0; trial < 40; trial++) {
      const tensors = randomTensors(random, 6, 4);
      const smallest = totalsOf(tensors, [0, 0, 0, 0, 0, 0]);
      const largest = totalsOf(tensors, [3, 3, 3, 3, 3, 3]);
      const between = (low: number, high: number): number => low + (high - low) * random.uniform();
      const budget = {
        bytes: between(smallest.bytes, largest.bytes),
        readBytes: hasRead ? between(smallest.readBytes, largest.readBytes) : Number.POSITIVE_INFINITY,
      };
      const { totals, value, assignment } = solveTypes(tensors, budget, objective);
      expect(totals.bytes).toBeLessThanOrEqual(budget.bytes);
      expect(totals.readBytes).toBeLessThanOrEqual(budget.readBytes);
      expect(value).toBeCloseTo(objective.value(totalsOf(tensors, assignment)), 12);
      ratios.push(value / exhaustive(tensors, budget, objective));
    }
    ratios.sort((a, b) => a - b);
    expect(ratios[0]).toBeGreaterThan(1 - 1e-9);
    expect(ratios.filter((ratio) => ratio < 1 + 1e-9).length).toBeGreaterThanOrEqual(hasRead ? 20 : 28);
    expect(ratios[Math.floor(0.9 * ratios.length)]).toBeLessThan(hasRead ? 1.15 : 1.05);
  });

  it('more bytes are never worse, and enough of them give every tensor its best', () => {
    const tensors = randomTensors(new Random(3), 12, 5);
    const largest = totalsOf(tensors, Array(12).fill(4));
    const objective = new DivergenceObjective(LAYERS);
    let before = Number.POSITIVE_INFINITY;
    for (const share of [0.5, 0.6, 0.7, 0.8, 0.9, 1]) {
      const budget = { bytes: share * largest.bytes, readBytes: Number.POSITIVE_INFINITY };
      const { value } = solveTypes(tensors, budget, objective);
      expect(value).toBeLessThanOrEqual(before * 1.01);
      before = value;
    }
    expect(before).toBeCloseTo(objective.value(largest), 12);
  });
});

describe('checkBudget()', () => {
  it('says the smallest possible size and the tensor that makes it so large', () => {
    const [tensor] = randomTensors(new Random(1), 1, 1);
    const wide = { ...tensor, name: 'blk.0.ffn_down.weight' };
    const least = tensor.choices[0].bytes + 100;
    const besides = { bytes: 100, readBytes: 0 };
    const budget = { bytes: tensor.choices[0].bytes - 1, readBytes: Number.POSITIVE_INFINITY, besides };
    expect(() => checkBudget([wide], { ...budget, bytes: budget.bytes + 1 })).not.toThrow();
    expect(() => checkBudget([wide], budget)).toThrow(UsageError);
    try {
      checkBudget([wide], budget);
    } catch (error) {
      expect(error).toMatchObject({
        code: 'impossible-budget',
        message: expect.stringContaining(`the smallest possible is ${formatCount(least)} B`),
        hint: expect.stringMatching(new RegExp(`--budget ${least}B .*blk\\.0\\.ffn_down\\.weight`)),
      });
    }
  });
});

describe('correctionsFrom()', () => {
  it('finds the factors of both parts, and leaves them alone without measurements', () => {
    expect(correctionsFrom([])).toEqual({ likelihood: 1, rerouting: 1 });
    const point = (likelihood: number, rerouting: number) => ({
      ...{ key: '', likelihood, rerouting },
      measured: 1.3 * likelihood + 0.8 * rerouting,
    });
    const found = correctionsFrom([point(1, 0.1), point(0.1, 1), point(1, 1), point(2, 0.1), point(0.1, 2)]);
    expect(found.likelihood).toBeCloseTo(1.3, 1);
    expect(found.rerouting).toBeCloseTo(0.8, 1);
  });
});
