import { sigmoid } from '../../../src/graph/ops/sigmoid.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      // The affinities of the worked router example.
      name: 'eight scores computed by hand',
      operands: [rows([T, 8], [0.5, -1, 2, 0, 1, -0.5, 0.25, -2])],
      build: ([z]) => sigmoid(z),
      bindings: { T: 1 },
      expected: [0.622459, 0.268941, 0.880797, 0.5, 0.731059, 0.377541, 0.562177, 0.119203],
    },
    {
      name: 'saturates without overflow',
      operands: [rows([T, 4], [-1000, -100, 100, 1000])],
      build: ([z]) => sigmoid(z),
      bindings: { T: 1 },
      expected: [0, 3.7835e-44, 1, 1],
    },
    ...randomCases(4, (random) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 40)];
      const z = normals(random, numTokens * width).map((value) => 4 * value);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], z)],
        build: ([tensor]) => sigmoid(tensor),
        bindings: { T: numTokens },
        expected: z.map((value) => 0.5 + 0.5 * Math.tanh(value / 2)),
      };
    }),
  ],
  refuses: {
    integers: (g) => sigmoid(g.input('ids', [4])),
  },
};
