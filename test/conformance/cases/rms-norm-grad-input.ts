import { rmsNormGradInput } from '../../../src/graph/ops/rms-norm-grad-input.ts';
import { between, normals, type OpCase, type OpSuite, randomCases, rows, T, weight } from '../op-case.ts';

/** The whole Jacobian of a row: ∂y_j/∂x_i = w_j · (δ_ij · r − x_i · x_j · r³ / D), r = (mean x² + eps)^−½. */
function definition(gradient: Float32Array, x: Float32Array, weight_D: Float32Array, eps: number): number[] {
  const width = weight_D.length;
  return Array.from(x, (_, at) => {
    const start = at - (at % width);
    const row = x.slice(start, start + width);
    const r = (row.reduce((sum, value) => sum + value ** 2, 0) / width + eps) ** -0.5;
    return row.reduce((sum, value, j) => {
      const slope = (start + j === at ? r : 0) - (x[at] * value * r ** 3) / width;
      return sum + gradient[start + j] * weight_D[j] * slope;
    }, 0);
  });
}

export const suite: OpSuite = {
  cases: [
    {
      // r = 1/√((9 + 16)/2) = √2/5; y = x·r does not change along x, so (3, 4)·dx = 0.
      name: 'two values computed by hand',
      operands: [rows([T, 2], [1, 0]), rows([T, 2], [3, 4]), weight([2], [1, 1])],
      build: ([gradient, x, w]) => rmsNormGradInput(gradient, x, w, { eps: 0 }),
      bindings: { T: 1 },
      expected: [0.181019336, -0.135764502],
    },
    {
      name: 'a row of zeros: eps alone decides',
      operands: [rows([T, 2], [1, 2]), rows([T, 2], [0, 0]), weight([2], [1, -1])],
      build: ([gradient, x, w]) => rmsNormGradInput(gradient, x, w, { eps: 0.25 }),
      bindings: { T: 1 },
      expected: [2, -4],
    },
    ...randomCases(6, (random, index): OpCase => {
      const [numTokens, numHeads] = [between(random, 1, 7), index % 2 === 0 ? 1 : between(random, 2, 4)];
      const width = between(random, 1, 40);
      const count = numTokens * numHeads * width;
      const [gradient, x, w] = [normals(random, count), normals(random, count), normals(random, width)];
      const shape = numHeads === 1 ? [T, width] : [T, numHeads, width];
      const eps = [1e-5, 0.5][index % 2];
      return {
        name: `[${numTokens},${numHeads},${width}], eps ${eps}`,
        operands: [rows(shape, gradient), rows(shape, x), weight([width], w)],
        build: ([gradient_TD, x_TD, weight_D]) => rmsNormGradInput(gradient_TD, x_TD, weight_D, { eps }),
        bindings: { T: numTokens },
        expected: definition(gradient, x, w, eps),
        // A width of one cancels almost to nothing.
        tolerance: 1e-5,
      };
    }),
  ],
  refuses: {
    'a gradient of another shape': (g) =>
      rmsNormGradInput(g.weight('gradient', [2, 3]), g.weight('x', [2, 4]), g.weight('w', [4]), {
        eps: 1e-5,
      }),
    'a weight of another width': (g) =>
      rmsNormGradInput(g.weight('gradient', [2, 4]), g.weight('x', [2, 4]), g.weight('w', [3]), {
        eps: 1e-5,
      }),
  },
};
