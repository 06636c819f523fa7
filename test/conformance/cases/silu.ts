import { silu } from '../../../src/graph/ops/silu.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      // z · sigmoid(z) with sigmoid(1) = 0.7310586, sigmoid(2) = 0.8807971.
      name: 'five values computed by hand',
      operands: [rows([T, 5], [0, 1, -1, 2, -2])],
      build: ([z]) => silu(z),
      bindings: { T: 1 },
      expected: [0, 0.7310586, -0.2689414, 1.7615942, -0.2384058],
    },
    {
      name: 'saturates without overflow',
      operands: [rows([T, 2], [-1000, 1000])],
      build: ([z]) => silu(z),
      bindings: { T: 1 },
      expected: [-0, 1000],
    },
    ...randomCases(4, (random) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 40)];
      const z = normals(random, numTokens * width).map((value) => 3 * value);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], z)],
        build: ([tensor]) => silu(tensor),
        bindings: { T: numTokens },
        expected: z.map((value) => value * (0.5 + 0.5 * Math.tanh(value / 2))),
      };
    }),
  ],
  refuses: {
    integers: (g) => silu(g.input('ids', [4])),
  },
};
