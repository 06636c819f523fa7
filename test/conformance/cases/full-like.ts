import { fullLike } from '../../../src/graph/ops/full-like.ts';
import { type OpSuite, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'one number in place of any others, NaN too',
      operands: [rows([T, 3], [1, Number.NaN, 3, 4, Number.POSITIVE_INFINITY, 6])],
      build: ([x]) => fullLike(x, { value: -1.5 }),
      bindings: { T: 2 },
      expected: new Array(6).fill(-1.5),
    },
    {
      name: 'a single number',
      operands: [rows([1], [7])],
      build: ([x]) => fullLike(x, { value: 1 }),
      bindings: { T: 1 },
      expected: [1],
    },
  ],
  refuses: {
    integers: (g) => fullLike(g.input('ids', [4]), { value: 1 }),
  },
};
