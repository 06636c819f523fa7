import { normalizeRows } from '../../../src/graph/ops/normalize-rows.ts';
import { between, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      // Scores 7, 3 and 1 of the worked router example; their weights are these times 2.5.
      name: 'three scores computed by hand',
      operands: [rows([T, 3], [0.119203, 0.5, 0.268941])],
      build: ([x]) => normalizeRows(x, { eps: 1e-20 }),
      bindings: { T: 1 },
      expected: [0.335539 / 2.5, 1.407429 / 2.5, 0.757032 / 2.5],
      tolerance: 2e-6,
    },
    {
      name: 'a row of zeros stays finite',
      operands: [rows([T, 2], [0, 0])],
      build: ([x]) => normalizeRows(x, { eps: 1e-20 }),
      bindings: { T: 1 },
      expected: [0, 0],
      differenceStep: 1e-23,
    },
    ...randomCases(5, (random, index) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 12)];
      const x = Float32Array.from({ length: numTokens * width }, () => random.uniform() + 0.01);
      const eps = [1e-20, 0.25][index % 2];
      return {
        name: `[${numTokens},${width}], eps ${eps}`,
        operands: [rows([T, width], x)],
        build: ([tensor]) => normalizeRows(tensor, { eps }),
        bindings: { T: numTokens },
        expected: x.map((value, i) => {
          const row = x.slice(i - (i % width), i - (i % width) + width);
          return value / row.reduce((sum, entry) => sum + entry, eps);
        }),
      };
    }),
  ],
  refuses: {
    'a list instead of rows': (g) => normalizeRows(g.weight('x', [4]), { eps: 1e-20 }),
    integers: (g) => normalizeRows(g.input('x', [2, 4]), { eps: 1e-20 }),
  },
};
