import { siluGrad } from '../../../src/graph/ops/silu-grad.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      // s + z·s·(1 − s) with sigmoid(1) = 0.7310586; 1 and 0 far out.
      name: 'five slopes computed by hand',
      operands: [rows([T, 5], [1, 1, 2, 3, 3]), rows([T, 5], [0, 1, -1, 1000, -1000])],
      build: ([gradient, z]) => siluGrad(gradient, z),
      bindings: { T: 1 },
      expected: [0.5, 0.9276705, 0.144659, 3, -0],
    },
    ...randomCases(4, (random) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 40)];
      const gradient = normals(random, numTokens * width);
      const z = normals(random, numTokens * width).map((value) => 3 * value);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], gradient), rows([T, width], z)],
        build: ([gradient_TF, z_TF]) => siluGrad(gradient_TF, z_TF),
        bindings: { T: numTokens },
        // d/dz z·(1 + tanh(z/2))/2
        expected: gradient.map((value, i) => {
          const half = Math.tanh(z[i] / 2);
          return value * (0.5 + 0.5 * half + (z[i] / 4) * (1 - half ** 2));
        }),
      };
    }),
  ],
  refuses: {
    'shapes that differ': (g) => siluGrad(g.weight('gradient', [2, 4]), g.weight('z', [4])),
  },
};
