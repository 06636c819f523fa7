import { after } from '../../../src/graph/ops/after.ts';
import { type OpSuite, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'is the first operand',
      operands: [rows([T, 3], [1, 2, 3, 4, 5, 6]), rows([T, 2], [7, 8, 9, 10])],
      build: ([x, other]) => after(x, other),
      bindings: { T: 2 },
      expected: [1, 2, 3, 4, 5, 6],
    },
  ],
  refuses: {
    'integers that wait': (g) => after(g.input('x', [2]), g.weight('other', [1])),
  },
};
