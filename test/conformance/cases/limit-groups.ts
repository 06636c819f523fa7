import { limitGroups } from '../../../src/graph/ops/limit-groups.ts';
import { between, choices, type OpSuite, randomCases, rows, T } from '../op-case.ts';

const OUT = Number.NEGATIVE_INFINITY;

/** A group stays if fewer than numKept groups beat it: by score, or by standing first where scores are equal. */
function definition(x: Float32Array, width: number, numGroups: number, numKept: number): number[] {
  const size = width / numGroups;
  const out = Array.from(x);
  for (let start = 0; start < x.length; start += width) {
    const scores = Array.from({ length: numGroups }, (_, group) => {
      const members = Array.from(x.slice(start + group * size, start + (group + 1) * size));
      const first = Math.max(...members);
      members.splice(members.indexOf(first), 1);
      return members.length > 0 ? first + Math.max(...members) : first;
    });
    scores.forEach((score, group) => {
      const numBetter = scores.filter((other, i) => other > score || (other === score && i < group)).length;
      if (numBetter >= numKept) out.fill(OUT, start + group * size, start + (group + 1) * size);
    });
  }
  return out;
}

const BIASED = [0.622459, 0.768941, 0.480797, 0.8, 0.631059, 0.577541, 0.562177, 1.019203];

export const suite: OpSuite = {
  cases: [
    {
      // Group scores 1.391401, 1.280797, 1.208600, 1.581380: groups 3 and 0 stay.
      name: 'the worked router example',
      operands: [rows([T, 8], BIASED)],
      build: ([x]) => limitGroups(x, { numGroups: 4, numKept: 2 }),
      bindings: { T: 1 },
      expected: [0.622459, 0.768941, OUT, OUT, OUT, OUT, 0.562177, 1.019203],
    },
    {
      name: 'one group limits nothing',
      operands: [rows([T, 4], [3, -1, 0, 2])],
      build: ([x]) => limitGroups(x, { numGroups: 1, numKept: 1 }),
      bindings: { T: 1 },
      expected: [3, -1, 0, 2],
    },
    {
      name: 'groups that tie: the lower one stays; and all scores may be negative',
      operands: [rows([T, 4], [1, 2, 2, 1, -3, -1, -2, -1])],
      build: ([x]) => limitGroups(x, { numGroups: 2, numKept: 1 }),
      bindings: { T: 2 },
      expected: [1, 2, OUT, OUT, OUT, OUT, -2, -1],
    },
    ...randomCases(6, (random) => {
      const [numTokens, numGroups, size] = [
        between(random, 1, 6),
        between(random, 1, 8),
        between(random, 1, 9),
      ];
      const numKept = between(random, 1, numGroups);
      const width = numGroups * size;
      const x = Float32Array.from(choices(random, numTokens * width, 20), (value) => value - 12);
      return {
        name: `${numKept} of ${numGroups} groups of ${size}`,
        operands: [rows([T, width], x)],
        build: ([tensor]) => limitGroups(tensor, { numGroups, numKept }),
        bindings: { T: numTokens },
        expected: definition(x, width, numGroups, numKept),
      };
    }),
  ],
  refuses: {
    'groups of unequal size': (g) => limitGroups(g.weight('x', [2, 7]), { numGroups: 2, numKept: 1 }),
    'more groups kept than there are': (g) =>
      limitGroups(g.weight('x', [2, 8]), { numGroups: 2, numKept: 3 }),
    'no group kept': (g) => limitGroups(g.weight('x', [2, 8]), { numGroups: 2, numKept: 0 }),
  },
};
