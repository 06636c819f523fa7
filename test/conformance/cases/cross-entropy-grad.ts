import { crossEntropyGrad } from '../../../src/graph/ops/cross-entropy-grad.ts';
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

export const suite: OpSuite = {
  cases: [
    {
      // Probabilities 1/4 each, and 3/4 and 1/4; two rows count, and the loss counts double.
      name: 'by hand, and a row with target −1 gets nothing',
      operands: [
        rows([1], [2]),
        rows([T, 4], [5, 5, 5, 5, 1, 2, 3, 4, Math.log(3), 0, -1000, -1000]),
        integers([T], [2, -1, 1]),
      ],
      build: ([gradient, logits, targets]) => crossEntropyGrad(gradient, logits, targets),
      bindings: { T: 3 },
      expected: [0.25, 0.25, -0.75, 0.25, 0, 0, 0, 0, 0.75, -0.75, 0, 0],
    },
    {
      name: 'nothing to predict changes nothing',
      operands: [rows([1], [1]), rows([T, 2], [1, 2, 3, 4]), integers([T], [-1, -1])],
      build: ([gradient, logits, targets]) => crossEntropyGrad(gradient, logits, targets),
      bindings: { T: 2 },
      expected: [0, 0, 0, 0],
    },
    ...randomCases(5, (random): OpCase => {
      const [numTokens, width] = [between(random, 1, 20), between(random, 1, 60)];
      const logits = normals(random, numTokens * width).map((value) => 3 * value);
      const targets = choices(random, numTokens, width + 1).map((target) => target - 1);
      const numCounted = targets.filter((target) => target >= 0).length;
      return {
        name: `[${numTokens},${width}], ${numCounted} counted`,
        operands: [rows([1], [0.5]), rows([T, width], logits), integers([T], targets)],
        build: ([gradient_1, logits_TV, targets_T]) => crossEntropyGrad(gradient_1, logits_TV, targets_T),
        bindings: { T: numTokens },
        expected: Array.from(logits, (logit, at) => {
          const t = Math.floor(at / width);
          if (targets[t] < 0) return 0;
          const row = logits.slice(t * width, (t + 1) * width);
          const probability = Math.exp(logit) / row.reduce((sum, other) => sum + Math.exp(other), 0);
          return (0.5 * (probability - (at % width === targets[t] ? 1 : 0))) / numCounted;
        }),
      };
    }),
  ],
  refuses: {
    'a gradient for each row': (g) =>
      crossEntropyGrad(g.weight('gradient', [3]), g.weight('logits', [3, 8]), g.input('targets', [3])),
    'a missing target': (g) =>
      crossEntropyGrad(g.weight('gradient', [1]), g.weight('logits', [3, 8]), g.input('targets', [2])),
  },
};
