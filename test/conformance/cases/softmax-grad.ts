import { softmaxGrad } from '../../../src/graph/ops/softmax-grad.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      // y is (1/4, 3/4): moving x_0 alone moves the shares by (3/16, −3/16).
      name: 'two values computed by hand',
      operands: [rows([T, 2], [1, 0, 1, 1]), rows([T, 2], [0.25, 0.75, 0.25, 0.75])],
      build: ([gradient, y]) => softmaxGrad(gradient, y),
      bindings: { T: 2 },
      expected: [0.1875, -0.1875, 0, 0],
    },
    ...randomCases(5, (random) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 40)];
      const gradient = normals(random, numTokens * width);
      const y = Float32Array.from(gradient, () => random.uniform());
      for (let start = 0; start < y.length; start += width) {
        const sum = y.subarray(start, start + width).reduce((a, b) => a + b, 0);
        for (let i = 0; i < width; i++) y[start + i] /= sum;
      }
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], gradient), rows([T, width], y)],
        build: ([gradient_TE, y_TE]) => softmaxGrad(gradient_TE, y_TE),
        bindings: { T: numTokens },
        // The whole Jacobian: ∂y_j/∂x_i = y_j (δ_ij − y_i)
        expected: Array.from(y, (share, at) => {
          const start = at - (at % width);
          let sum = 0;
          for (let j = start; j < start + width; j++)
            sum += gradient[j] * y[j] * ((j === at ? 1 : 0) - share);
          return sum;
        }),
        tolerance: 1e-5,
      };
    }),
  ],
  refuses: {
    'shapes that differ': (g) => softmaxGrad(g.weight('gradient', [2, 3]), g.weight('y', [2, 4])),
    'lists instead of rows': (g) => softmaxGrad(g.weight('gradient', [4]), g.weight('y', [4])),
  },
};
