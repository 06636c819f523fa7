import { symbol } from '../../../src/graph/dim.ts';
import { scatterAddRows } from '../../../src/graph/ops/scatter-add-rows.ts';
import { between, choices, integers, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

const O = symbol('O');

export const suite: OpSuite = {
  cases: [
    {
      name: 'rows with the same target add up, the others are zero',
      operands: [rows([O, 2], [1, 2, 3, 4, 5, 6]), integers([O], [2, 0, 2])],
      build: ([x, targets]) => scatterAddRows(x, targets, 4),
      bindings: { T: 1, O: 3 },
      expected: [3, 4, 0, 0, 6, 8, 0, 0],
    },
    ...randomCases(5, (random, index) => {
      const [numRows, width, numScattered] = [
        between(random, 1, 20),
        between(random, 1, 40),
        between(random, 1, 9),
      ];
      const x = normals(random, numScattered * width);
      const targets = choices(random, numScattered, numRows);
      const expected = new Array<number>(numRows * width).fill(0);
      for (let at = 0; at < x.length; at++) {
        expected[targets[Math.floor(at / width)] * width + (at % width)] += x[at];
      }
      const isSymbolic = index % 2 === 1;
      return {
        name: `${numScattered} into ${isSymbolic ? 'T = ' : ''}${numRows} rows of ${width}`,
        operands: [rows([O, width], x), integers([O], targets)],
        build: ([x_OD, rows_O]) => scatterAddRows(x_OD, rows_O, isSymbolic ? T : numRows),
        bindings: { T: numRows, O: numScattered },
        expected,
      };
    }),
  ],
  refuses: {
    'another number of targets': (g) => scatterAddRows(g.weight('x', [3, 2]), g.input('rows', [2]), 5),
    'targets that are not integers': (g) => scatterAddRows(g.weight('x', [3, 2]), g.weight('rows', [3]), 5),
  },
};
