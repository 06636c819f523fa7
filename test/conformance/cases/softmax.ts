import { softmax } from '../../../src/graph/ops/softmax.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'shares of 1, 2 and 5 in 8',
      operands: [rows([T, 3], [0, Math.log(2), Math.log(5)])],
      build: ([x_TE]) => softmax(x_TE),
      bindings: { T: 1 },
      expected: [1 / 8, 2 / 8, 5 / 8],
    },
    {
      name: 'values whose exponentials are infinite or zero',
      operands: [rows([T, 2], [1000, 1000, -1000, -1000, 1000, -1000, 90, 89])],
      build: ([x_TE]) => softmax(x_TE),
      bindings: { T: 4 },
      expected: [0.5, 0.5, 0.5, 0.5, 1, 0, Math.E / (Math.E + 1), 1 / (Math.E + 1)],
    },
    {
      name: 'one column',
      operands: [rows([T, 1], [-3, 0, 7])],
      build: ([x_TE]) => softmax(x_TE),
      bindings: { T: 3 },
      expected: [1, 1, 1],
    },
    ...randomCases(6, (random, index) => {
      const [numTokens, width] = [between(random, 1, 9), [8, 17, 33, 128, 3, 64][index]];
      const x = normals(random, numTokens * width).map((value) => 4 * value);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], x)],
        build: ([x_TE]) => softmax(x_TE),
        bindings: { T: numTokens },
        // 1 / Σ e^(x_j − x_i): the definition without a largest value.
        expected: Array.from(x, (value, at) => {
          const row = x.slice(at - (at % width), at - (at % width) + width);
          return 1 / row.reduce((sum, other) => sum + Math.exp(other - value), 0);
        }),
      };
    }),
  ],
  refuses: {
    'a list instead of rows': (g) => softmax(g.weight('x', [4])),
    integers: (g) => softmax(g.input('x', [2, 4])),
  },
};
