import { weightedSumGradWeights } from '../../../src/graph/ops/weighted-sum-grad-weights.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'two experts of two tokens',
      operands: [
        rows([T, 2], [1, 10, -1, 2]),
        rows([{ symbol: 'T', times: 2 }, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
      ],
      build: ([gradient, y]) => weightedSumGradWeights(gradient, y, { k: 2 }),
      bindings: { T: 2 },
      expected: [21, 43, 7, 9],
    },
    ...randomCases(5, (random) => {
      const [numTokens, k, width] = [between(random, 1, 9), between(random, 1, 8), between(random, 1, 50)];
      const gradient = normals(random, numTokens * width);
      const y = normals(random, numTokens * k * width);
      return {
        name: `${k} rows of ${width} for each of ${numTokens} tokens`,
        operands: [rows([T, width], gradient), rows([{ symbol: 'T', times: k }, width], y)],
        build: ([gradient_TD, y_RD]) => weightedSumGradWeights(gradient_TD, y_RD, { k }),
        bindings: { T: numTokens },
        expected: Array.from({ length: numTokens * k }, (_, r) => {
          const t = Math.floor(r / k);
          let sum = 0;
          for (let i = 0; i < width; i++) sum += gradient[t * width + i] * y[r * width + i];
          return sum;
        }),
      };
    }),
  ],
  refuses: {
    'another number of rows': (g) =>
      weightedSumGradWeights(g.weight('gradient', [2, 4]), g.weight('y', [6, 4]), { k: 2 }),
    'rows of another width': (g) =>
      weightedSumGradWeights(g.weight('gradient', [2, 4]), g.weight('y', [4, 3]), { k: 2 }),
  },
};
