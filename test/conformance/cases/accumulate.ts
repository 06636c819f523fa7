import { accumulate } from '../../../src/graph/ops/accumulate.ts';
import { between, normals, type OpSuite, randomCases, rows, stored } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'adds to what is there',
      operands: [stored([2, 2], [1, 2, 3, 4]), rows([2, 2], [10, 20, 30, 40])],
      build: ([sum, x]) => accumulate(sum, x),
      bindings: {},
      expected: [0, 11, 22, 33, 44],
    },
    ...randomCases(2, (random) => {
      const [numRows, width] = [between(random, 1, 9), between(random, 1, 70)];
      const before = normals(random, numRows * width);
      const x = normals(random, numRows * width);
      return {
        name: `[${numRows},${width}]`,
        operands: [stored([numRows, width], before), rows([numRows, width], x)],
        build: ([sum, tensor]) => accumulate(sum, tensor),
        bindings: {},
        expected: [0, ...before.map((value, i) => value + x[i])],
      };
    }),
  ],
  refuses: {
    'a sum of another shape': (g) => accumulate(g.state('sum', [4]), g.weight('x', [2, 2])),
    'a sum that is not a state': (g) => accumulate(g.weight('sum', [4]), g.weight('x', [4])),
  },
};
