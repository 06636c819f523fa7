import { sumRows } from '../../../src/graph/ops/sum-rows.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'column by column',
      operands: [rows([T, 2], [1, 10, 2, 20, 3, 30])],
      build: ([x]) => sumRows(x),
      bindings: { T: 3 },
      expected: [6, 60],
    },
    ...randomCases(4, (random) => {
      const [numTokens, width] = [between(random, 1, 30), between(random, 1, 40)];
      const x = normals(random, numTokens * width);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], x)],
        build: ([tensor]) => sumRows(tensor),
        bindings: { T: numTokens },
        expected: Array.from({ length: width }, (_, i) =>
          x.filter((_, at) => at % width === i).reduce((sum, value) => sum + value, 0),
        ),
      };
    }),
  ],
  refuses: {
    'heads where rows belong': (g) => sumRows(g.weight('x', [2, 2, 2])),
    integers: (g) => sumRows(g.input('x', [2, 2])),
  },
};
