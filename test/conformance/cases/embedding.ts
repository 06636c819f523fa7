import { embedding } from '../../../src/graph/ops/embedding.ts';
import {
  between,
  choices,
  integers,
  normals,
  type OpCase,
  type OpSuite,
  randomCases,
  T,
  weight,
} from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'rows in the order of the ids, repeated ones too',
      operands: [weight([3, 2], [1, 2, 3, 4, 5, 6]), integers([T], [2, 0, 2])],
      build: ([table, ids]) => embedding(table, ids),
      bindings: { T: 3 },
      expected: [5, 6, 1, 2, 5, 6],
    },
    ...randomCases(6, (random, index): OpCase => {
      const type = ['f32', 'f16', 'bf16', 'q8_0', 'f32', 'f32'][index];
      const width = type === 'q8_0' ? 64 : between(random, 1, 40);
      const [numTokens, numRows] = [between(random, 1, 9), between(random, 1, 30)];
      const table = weight([numRows, width], normals(random, numRows * width), type);
      const ids = choices(random, numTokens, numRows);
      return {
        name: `${numTokens} of ${type} [${numRows},${width}]`,
        operands: [table, integers([T], ids)],
        build: ([table_VD, ids_T]) => embedding(table_VD, ids_T),
        bindings: { T: numTokens },
        expected: Array.from(ids).flatMap((id) => Array.from(table.data.slice(id * width, (id + 1) * width))),
      };
    }),
  ],
  refuses: {
    'a table of rank 3': (g) => embedding(g.weight('table', [3, 2, 2]), g.input('ids', [4])),
    'ids that are not integers': (g) => embedding(g.weight('table', [3, 2]), g.weight('ids', [4])),
    'a matrix of ids': (g) => embedding(g.weight('table', [3, 2]), g.input('ids', [4, 1])),
  },
};
