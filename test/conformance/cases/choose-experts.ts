import { chooseExperts } from '../../../src/graph/ops/choose-experts.ts';
import { between, choices, type OpCase, type OpSuite, randomCases, rows, T, weight } from '../op-case.ts';

interface Rule {
  readonly k: number;
  readonly numGroups: number;
  readonly numKept: number;
}

/** Rank the groups, then the experts of the groups that stay; everywhere the lower number wins a tie. */
function definition(scores: Float32Array, bias_E: Float32Array, { k, numGroups, numKept }: Rule): number[] {
  const width = bias_E.length;
  const size = width / numGroups;
  const out: number[] = [];
  for (let start = 0; start < scores.length; start += width) {
    const biased = Array.from(bias_E, (bias, e) => Math.fround(scores[start + e] + bias));
    const byScore = (a: number, b: number): number => biased[b] - biased[a] || a - b;
    const members = (group: number): number[] =>
      Array.from({ length: size }, (_, i) => group * size + i).sort(byScore);
    const score = (group: number): number =>
      members(group)
        .slice(0, 2)
        .reduce((sum, e) => sum + biased[e], 0);
    const groups = Array.from({ length: numGroups }, (_, group) => group);
    groups.sort((a, b) => score(b) - score(a) || a - b);
    out.push(...groups.slice(0, numKept).flatMap(members).sort(byScore).slice(0, k));
  }
  return out;
}

function chooseCase(name: string, scores: ArrayLike<number>, bias: ArrayLike<number>, rule: Rule): OpCase {
  const width = bias.length;
  return {
    name: `${name}: ${rule.k} of ${width}, ${rule.numKept} of ${rule.numGroups} groups`,
    operands: [rows([T, width], scores), weight([width], bias)],
    build: ([scores_TE, bias_E]) => chooseExperts(scores_TE, bias_E, { ...rule }),
    bindings: { T: scores.length / width },
    expected: definition(Float32Array.from(scores), Float32Array.from(bias), rule),
  };
}

const SCORES = [0.622459, 0.268941, 0.880797, 0.5, 0.731059, 0.377541, 0.562177, 0.119203];
const BIAS = [0, 0.5, -0.4, 0.3, -0.1, 0.2, 0, 0.9];

export const suite: OpSuite = {
  cases: [
    {
      ...chooseCase('worked example', SCORES, BIAS, { k: 3, numGroups: 1, numKept: 1 }),
      expected: [7, 3, 1],
    },
    {
      ...chooseCase('worked example', SCORES, BIAS, { k: 3, numGroups: 4, numKept: 2 }),
      expected: [7, 1, 0],
    },
    {
      // A mask of zeros instead of −∞ would let experts of the lost group win here.
      ...chooseCase('all biased scores negative', [0.5, 0.25, 0.5, 0.25], [-2, -2, -1, -1], {
        k: 2,
        numGroups: 2,
        numKept: 1,
      }),
      expected: [2, 3],
    },
    {
      ...chooseCase('all equal', new Array(24).fill(0.5), new Array(12).fill(-0.25), {
        k: 4,
        numGroups: 3,
        numKept: 2,
      }),
      expected: [0, 1, 2, 3, 0, 1, 2, 3],
    },
    ...randomCases(8, (random, index) => {
      const numGroups = [1, 1, 2, 3, 4, 8, 1, 2][index];
      const size = between(random, 1, 128 / numGroups);
      const numKept = between(random, 1, numGroups);
      const width = size * numGroups;
      const numTokens = between(random, 1, 6);
      const eighths = (count: number): Float32Array =>
        Float32Array.from(choices(random, count, 9), (value) => value / 8);
      return chooseCase(
        'many ties',
        eighths(numTokens * width),
        eighths(width).map((value) => value - 0.75),
        {
          k: between(random, 1, Math.min(8, size * numKept)),
          numGroups,
          numKept,
        },
      );
    }),
    ...randomCases(4, (random, index) => {
      const [numTokens, width] = [between(random, 1, 6), 8 * between(random, 2, 16)];
      const uniform = (count: number): Float32Array =>
        Float32Array.from({ length: count }, () => random.uniform());
      return chooseCase('random scores', uniform(numTokens * width), uniform(width), {
        k: 6,
        numGroups: [1, 8][index % 2],
        numKept: [1, 4][index % 2],
      });
    }),
  ],
  refuses: {
    'a bias for another number of experts': (g) =>
      chooseExperts(g.weight('scores', [2, 8]), g.weight('bias', [7]), { k: 2, numGroups: 1, numKept: 1 }),
    'more experts than the groups that stay have': (g) =>
      chooseExperts(g.weight('scores', [2, 8]), g.weight('bias', [8]), { k: 5, numGroups: 2, numKept: 1 }),
    'groups of unequal size': (g) =>
      chooseExperts(g.weight('scores', [2, 7]), g.weight('bias', [7]), { k: 2, numGroups: 2, numKept: 1 }),
  },
};
