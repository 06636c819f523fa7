import { takeColumns } from '../../../src/graph/ops/take-columns.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'the middle of each row',
      operands: [rows([T, 4], [1, 2, 3, 4, 5, 6, 7, 8])],
      build: ([x]) => takeColumns(x, { first: 1, count: 2 }),
      bindings: { T: 2 },
      expected: [2, 3, 6, 7],
    },
    ...randomCases(4, (random) => {
      const [numTokens, width] = [between(random, 1, 20), between(random, 1, 60)];
      const first = random.below(width);
      const count = between(random, 1, width - first);
      const x = normals(random, numTokens * width);
      return {
        name: `${count} from ${first} of [${numTokens},${width}]`,
        operands: [rows([T, width], x)],
        build: ([tensor]) => takeColumns(tensor, { first, count }),
        bindings: { T: numTokens },
        expected: x.filter((_, at) => at % width >= first && at % width < first + count),
      };
    }),
  ],
  refuses: {
    'columns after the last': (g) => takeColumns(g.weight('x', [2, 6]), { first: 4, count: 3 }),
    'no columns': (g) => takeColumns(g.weight('x', [2, 6]), { first: 4, count: 0 }),
    'columns before the first': (g) => takeColumns(g.weight('x', [2, 6]), { first: -1, count: 3 }),
  },
};
