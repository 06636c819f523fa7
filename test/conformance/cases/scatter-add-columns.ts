import { scatterAddColumns } from '../../../src/graph/ops/scatter-add-columns.ts';
import { between, choices, integers, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'entries of the same column add up, the others are zero',
      operands: [rows([T, 2], [1, 2, 3, 4]), integers([T, 2], [2, 0, 1, 1])],
      build: ([x, columns]) => scatterAddColumns(x, columns, { numColumns: 3 }),
      bindings: { T: 2 },
      expected: [2, 0, 1, 0, 7, 0],
    },
    ...randomCases(5, (random) => {
      const [numTokens, width, k] = [between(random, 1, 9), between(random, 1, 40), between(random, 1, 8)];
      const x = normals(random, numTokens * k);
      const columns = choices(random, numTokens * k, width);
      const expected = new Array<number>(numTokens * width).fill(0);
      for (let t = 0; t < numTokens; t++) {
        for (let slot = 0; slot < k; slot++) expected[t * width + columns[t * k + slot]] += x[t * k + slot];
      }
      return {
        name: `${k} into each row of [${numTokens},${width}]`,
        operands: [rows([T, k], x), integers([T, k], columns)],
        build: ([x_TK, columns_TK]) => scatterAddColumns(x_TK, columns_TK, { numColumns: width }),
        bindings: { T: numTokens },
        expected,
      };
    }),
  ],
  refuses: {
    'another number of columns': (g) =>
      scatterAddColumns(g.weight('x', [3, 2]), g.input('columns', [3, 1]), { numColumns: 4 }),
    'columns that are not integers': (g) =>
      scatterAddColumns(g.weight('x', [3, 2]), g.weight('columns', [3, 2]), { numColumns: 4 }),
  },
};
