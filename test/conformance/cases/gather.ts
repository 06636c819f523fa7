import { gather } from '../../../src/graph/ops/gather.ts';
import { between, choices, integers, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'each row by its own columns',
      operands: [rows([T, 3], [1, 2, 3, 4, 5, 6]), integers([T, 2], [2, 0, 1, 1])],
      build: ([x, columns]) => gather(x, columns),
      bindings: { T: 2 },
      expected: [3, 1, 5, 5],
    },
    ...randomCases(5, (random) => {
      const [numTokens, width, k] = [between(random, 1, 9), between(random, 1, 130), between(random, 1, 8)];
      const x = normals(random, numTokens * width);
      const columns = choices(random, numTokens * k, width);
      return {
        name: `${k} of each row of [${numTokens},${width}]`,
        operands: [rows([T, width], x), integers([T, k], columns)],
        build: ([x_TE, columns_TK]) => gather(x_TE, columns_TK),
        bindings: { T: numTokens },
        expected: Array.from(columns, (column, i) => x[Math.floor(i / k) * width + column]),
      };
    }),
  ],
  refuses: {
    'columns for another number of rows': (g) => gather(g.weight('x', [3, 4]), g.input('columns', [2, 2])),
    'columns that are not integers': (g) => gather(g.weight('x', [3, 4]), g.weight('columns', [3, 2])),
  },
};
