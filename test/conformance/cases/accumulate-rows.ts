import { accumulateRows } from '../../../src/graph/ops/accumulate-rows.ts';
import {
  between,
  choices,
  integers,
  normals,
  type OpCase,
  type OpSuite,
  randomCases,
  rows,
  stored,
  T,
} from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'two rows are added to one, and one stays as it is',
      operands: [
        stored([3, 2], [1, 2, 3, 4, 5, 6]),
        rows([T, 2], [10, 20, 100, 200, 1000, 2000]),
        integers([T], [2, 0, 2]),
      ],
      build: ([sum, x, ids]) => accumulateRows(sum, x, ids),
      bindings: { T: 3 },
      expected: [0, 101, 202, 3, 4, 1015, 2026],
    },
    ...randomCases(5, (random): OpCase => {
      const [numTokens, numRows] = [between(random, 1, 60), between(random, 1, 20)];
      const width = between(random, 1, 70);
      const before = normals(random, numRows * width);
      const x = normals(random, numTokens * width);
      const targets = choices(random, numTokens, numRows);
      const expected = Float64Array.from(before);
      for (let row = 0; row < numRows; row++) {
        for (let t = 0; t < numTokens; t++) {
          if (targets[t] !== row) continue;
          for (let i = 0; i < width; i++) expected[row * width + i] += x[t * width + i];
        }
      }
      return {
        name: `${numTokens} rows into ${numRows} of ${width}`,
        operands: [stored([numRows, width], before), rows([T, width], x), integers([T], targets)],
        build: ([sum, tensor, ids]) => accumulateRows(sum, tensor, ids),
        bindings: { T: numTokens },
        expected: [0, ...expected],
      };
    }),
  ],
  refuses: {
    'a row without a target': (g) =>
      accumulateRows(g.state('sum', [9, 4]), g.weight('x', [3, 4]), g.input('rows', [2])),
    'rows of another width': (g) =>
      accumulateRows(g.state('sum', [9, 5]), g.weight('x', [3, 4]), g.input('rows', [3])),
  },
};
