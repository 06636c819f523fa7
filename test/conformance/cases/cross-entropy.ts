import { crossEntropy } from '../../../src/graph/ops/cross-entropy.ts';
import {
  between,
  choices,
  integers,
  normals,
  type OpCase,
  type OpSuite,
  randomCases,
  rows,
  T,
} from '../op-case.ts';

function definition(logits: Float32Array, targets_T: Int32Array, width: number): number {
  const losses: number[] = [];
  targets_T.forEach((target, t) => {
    if (target < 0) return;
    const row = Array.from(logits.slice(t * width, (t + 1) * width));
    const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
    losses.push(-Math.log(Math.exp(row[target]) / sum));
  });
  return losses.length === 0 ? 0 : losses.reduce((a, b) => a + b) / losses.length;
}

export const suite: OpSuite = {
  cases: [
    {
      // Equal logits: ln 4. Probabilities 3/4 and 1/4 of two that count: −ln(1/4).
      name: 'by hand, and a target of −1 is not counted',
      operands: [
        rows([T, 4], [5, 5, 5, 5, 1, 2, 3, 4, Math.log(3), 0, -1000, -1000]),
        integers([T], [2, -1, 1]),
      ],
      build: ([logits, targets]) => crossEntropy(logits, targets),
      bindings: { T: 3 },
      expected: [Math.log(4)],
    },
    {
      name: 'nothing to predict costs nothing',
      operands: [rows([T, 2], [1, 2, 3, 4]), integers([T], [-1, -1])],
      build: ([logits, targets]) => crossEntropy(logits, targets),
      bindings: { T: 2 },
      expected: [0],
    },
    {
      name: 'large logits do not overflow',
      operands: [rows([T, 2], [1000, 990]), integers([T], [1])],
      build: ([logits, targets]) => crossEntropy(logits, targets),
      bindings: { T: 1 },
      expected: [10.0000454],
    },
    ...randomCases(5, (random): OpCase => {
      const [numTokens, width] = [between(random, 1, 20), between(random, 1, 60)];
      const logits = normals(random, numTokens * width).map((value) => 3 * value);
      const targets = choices(random, numTokens, width + 1).map((target) => target - 1);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], logits), integers([T], targets)],
        build: ([logits_TV, targets_T]) => crossEntropy(logits_TV, targets_T),
        bindings: { T: numTokens },
        expected: [definition(logits, targets, width)],
      };
    }),
  ],
  refuses: {
    'a missing target': (g) => crossEntropy(g.weight('logits', [3, 8]), g.input('targets', [2])),
    'targets that are not integers': (g) =>
      crossEntropy(g.weight('logits', [3, 8]), g.weight('targets', [3])),
  },
};
