import { scale } from '../../../src/graph/ops/scale.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'by zero',
      operands: [rows([T, 3], [1, -2, 3])],
      build: ([x]) => scale(x, { factor: 0 }),
      bindings: { T: 1 },
      expected: [0, -0, 0],
    },
    ...randomCases(4, (random, index) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 40)];
      const x = normals(random, numTokens * width);
      const factor = [2.5, -1, 1e-3, 0.1][index];
      return {
        name: `[${numTokens},${width}] by ${factor}`,
        operands: [rows([T, width], x)],
        build: ([tensor]) => scale(tensor, { factor }),
        bindings: { T: numTokens },
        expected: x.map((value) => value * factor),
      };
    }),
  ],
  refuses: {
    integers: (g) => scale(g.input('ids', [4]), { factor: 2 }),
  },
};
