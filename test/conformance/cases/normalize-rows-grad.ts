import { normalizeRowsGrad } from '../../../src/graph/ops/normalize-rows-grad.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      // Shares are 1/4 and 3/4 of a sum of 4: moving x_0 alone moves them by (3/16, −3/16).
      name: 'two values computed by hand',
      operands: [rows([T, 2], [1, 0, 1, 1]), rows([T, 2], [1, 3, 1, 3])],
      build: ([gradient, x]) => normalizeRowsGrad(gradient, x, { eps: 1e-20 }),
      bindings: { T: 2 },
      expected: [0.1875, -0.0625, 0, 0],
    },
    ...randomCases(5, (random, index) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 12)];
      const gradient = normals(random, numTokens * width);
      const x = Float32Array.from(gradient, () => random.uniform() + 0.01);
      const eps = [1e-20, 0.25][index % 2];
      return {
        name: `[${numTokens},${width}], eps ${eps}`,
        operands: [rows([T, width], gradient), rows([T, width], x)],
        build: ([gradient_TK, x_TK]) => normalizeRowsGrad(gradient_TK, x_TK, { eps }),
        bindings: { T: numTokens },
        // ∂y_j/∂x_i = δ_ij/s − x_j/s²
        expected: Array.from(x, (_, at) => {
          const start = at - (at % width);
          const row = x.slice(start, start + width);
          const s = row.reduce((sum, value) => sum + value, eps);
          return row.reduce(
            (sum, value, j) => sum + gradient[start + j] * ((start + j === at ? 1 / s : 0) - value / s ** 2),
            0,
          );
        }),
        tolerance: 1e-5,
      };
    }),
  ],
  refuses: {
    'shapes that differ': (g) =>
      normalizeRowsGrad(g.weight('gradient', [2, 3]), g.weight('x', [2, 4]), { eps: 1e-20 }),
    'lists instead of rows': (g) =>
      normalizeRowsGrad(g.weight('gradient', [4]), g.weight('x', [4]), { eps: 1e-20 }),
  },
};
