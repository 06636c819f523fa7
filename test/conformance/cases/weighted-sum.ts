import { weightedSum } from '../../../src/graph/ops/weighted-sum.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'two experts of two tokens',
      operands: [
        rows([{ symbol: 'T', times: 2 }, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
        rows([T, 2], [1, 10, 2, -1]),
      ],
      build: ([y, weights]) => weightedSum(y, weights),
      bindings: { T: 2 },
      expected: [31, 42, 3, 4],
    },
    ...randomCases(6, (random) => {
      const [numTokens, k, width] = [between(random, 1, 9), between(random, 1, 8), between(random, 1, 50)];
      const y = normals(random, numTokens * k * width);
      const weights = normals(random, numTokens * k);
      return {
        name: `${k} rows of ${width} for each of ${numTokens} tokens`,
        operands: [rows([{ symbol: 'T', times: k }, width], y), rows([T, k], weights)],
        build: ([y_RD, weights_TK]) => weightedSum(y_RD, weights_TK),
        bindings: { T: numTokens },
        expected: Array.from({ length: numTokens * width }, (_, at) => {
          const [t, i] = [Math.floor(at / width), at % width];
          let sum = 0;
          for (let slot = 0; slot < k; slot++) sum += weights[t * k + slot] * y[(t * k + slot) * width + i];
          return sum;
        }),
      };
    }),
  ],
  refuses: {
    'a weight too many': (g) => weightedSum(g.weight('y', [6, 4]), g.weight('weights', [2, 4])),
    'a list of weights': (g) => weightedSum(g.weight('y', [6, 4]), g.weight('weights', [6])),
  },
};
