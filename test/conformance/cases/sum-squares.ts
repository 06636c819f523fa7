import { sumSquares } from '../../../src/graph/ops/sum-squares.ts';
import { between, normals, type OpCase, type OpSuite, randomCases, rows, stored, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'of a state, which stays as it is',
      operands: [stored([2, 2], [1, -2, 3, -4])],
      build: ([x]) => sumSquares(x),
      bindings: {},
      expected: [30, 1, -2, 3, -4],
    },
    ...randomCases(3, (random): OpCase => {
      const [numTokens, width] = [between(random, 1, 20), between(random, 1, 300)];
      const x = normals(random, numTokens * width);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], x)],
        build: ([tensor]) => sumSquares(tensor),
        bindings: { T: numTokens },
        expected: [x.reduceRight((sum, value) => sum + value ** 2, 0)],
      };
    }),
  ],
  refuses: {
    integers: (g) => sumSquares(g.input('x', [3])),
  },
};
