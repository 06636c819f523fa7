import { weightedSumGradRows } from '../../../src/graph/ops/weighted-sum-grad-rows.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'two experts of two tokens',
      operands: [rows([T, 2], [1, 2, 3, 4]), rows([T, 2], [1, 10, 2, -1])],
      build: ([gradient, weights]) => weightedSumGradRows(gradient, weights),
      bindings: { T: 2 },
      expected: [1, 2, 10, 20, 6, 8, -3, -4],
    },
    ...randomCases(5, (random) => {
      const [numTokens, k, width] = [between(random, 1, 9), between(random, 1, 8), between(random, 1, 50)];
      const gradient = normals(random, numTokens * width);
      const weights = normals(random, numTokens * k);
      return {
        name: `${k} rows of ${width} for each of ${numTokens} tokens`,
        operands: [rows([T, width], gradient), rows([T, k], weights)],
        build: ([gradient_TD, weights_TK]) => weightedSumGradRows(gradient_TD, weights_TK),
        bindings: { T: numTokens },
        expected: Array.from(weights).flatMap((factor, r) => {
          const t = Math.floor(r / k);
          return Array.from(gradient.slice(t * width, (t + 1) * width), (value) => value * factor);
        }),
      };
    }),
  ],
  refuses: {
    'another number of tokens': (g) =>
      weightedSumGradRows(g.weight('gradient', [3, 4]), g.weight('w', [2, 4])),
  },
};
