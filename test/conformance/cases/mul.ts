import { mul } from '../../../src/graph/ops/mul.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'a tensor with itself',
      operands: [rows([T, 2], [1, -2, 3, 0])],
      build: ([a]) => mul(a, a),
      bindings: { T: 2 },
      expected: [1, 4, 9, 0],
    },
    ...randomCases(5, (random) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 70)];
      const a = normals(random, numTokens * width);
      const b = normals(random, numTokens * width);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], a), rows([T, width], b)],
        build: ([left, right]) => mul(left, right),
        bindings: { T: numTokens },
        expected: a.map((value, i) => value * b[i]),
      };
    }),
  ],
  refuses: {
    'shapes that differ': (g) => mul(g.weight('a', [2, 4]), g.weight('b', [4])),
  },
};
