import { reshape } from '../../../src/graph/ops/reshape.ts';
import { normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'heads out of rows, one value after the other',
      operands: [rows([T, 6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])],
      build: ([x]) => reshape(x, [T, 3, 2]),
      bindings: { T: 2 },
      expected: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    },
    ...randomCases(1, (random) => {
      const x = normals(random, 5 * 6);
      return {
        name: 'a row for each slot out of a row for each token',
        operands: [rows([T, 6], x)],
        build: ([tensor]) => reshape(tensor, [{ symbol: 'T', times: 3 }, 2]),
        bindings: { T: 5 },
        expected: x,
      };
    }),
  ],
  refuses: {
    'another number of elements': (g) => reshape(g.weight('x', [2, 6]), [3, 5]),
    'tokens where there are none': (g) => reshape(g.weight('x', [2, 6]), [T, 12]),
  },
};
