import { symbol } from '../../../src/graph/dim.ts';
import { takeRows } from '../../../src/graph/ops/take-rows.ts';
import { between, choices, integers, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

const O = symbol('O');

export const suite: OpSuite = {
  cases: [
    {
      name: 'the last row only',
      operands: [rows([T, 2], [1, 2, 3, 4, 5, 6]), integers([O], [2])],
      build: ([x, wanted]) => takeRows(x, wanted),
      bindings: { T: 3, O: 1 },
      expected: [5, 6],
    },
    ...randomCases(4, (random) => {
      const [numTokens, width, numTaken] = [
        between(random, 1, 9),
        between(random, 1, 40),
        between(random, 1, 9),
      ];
      const x = normals(random, numTokens * width);
      const taken = choices(random, numTaken, numTokens);
      return {
        name: `${numTaken} of [${numTokens},${width}]`,
        operands: [rows([T, width], x), integers([O], taken)],
        build: ([tensor, rows_O]) => takeRows(tensor, rows_O),
        bindings: { T: numTokens, O: numTaken },
        expected: Array.from(taken).flatMap((row) => Array.from(x.slice(row * width, (row + 1) * width))),
      };
    }),
  ],
  refuses: {
    'rows that are not integers': (g) => takeRows(g.weight('x', [3, 2]), g.weight('rows', [1])),
    'a matrix of rows': (g) => takeRows(g.weight('x', [3, 2]), g.input('rows', [1, 2])),
    'heads where rows belong': (g) => takeRows(g.weight('x', [3, 2, 2]), g.input('rows', [1])),
  },
};
