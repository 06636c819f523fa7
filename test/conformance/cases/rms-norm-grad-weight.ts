import { rmsNormGradWeight } from '../../../src/graph/ops/rms-norm-grad-weight.ts';
import { between, normals, type OpCase, type OpSuite, randomCases, rows, T } from '../op-case.ts';

/** Σ over rows of gradient · x / rms(x). */
function definition(gradient: Float32Array, x: Float32Array, width: number, eps: number): number[] {
  return Array.from({ length: width }, (_, i) => {
    let sum = 0;
    for (let start = 0; start < x.length; start += width) {
      const row = x.slice(start, start + width);
      const rms = Math.sqrt(row.reduce((squares, value) => squares + value ** 2, 0) / width + eps);
      sum += (gradient[start + i] * x[start + i]) / rms;
    }
    return sum;
  });
}

export const suite: OpSuite = {
  cases: [
    {
      // The normalised rows are (3, 4)·√2/5 and (1, 1).
      name: 'two rows computed by hand',
      operands: [rows([T, 2], [1, 2, 10, 20]), rows([T, 2], [3, 4, 5, 5])],
      build: ([gradient, x]) => rmsNormGradWeight(gradient, x, { eps: 0 }),
      bindings: { T: 2 },
      expected: [10.848528, 22.262742],
    },
    ...randomCases(5, (random, index): OpCase => {
      const [numTokens, numHeads] = [between(random, 1, 7), index % 2 === 0 ? 1 : between(random, 2, 4)];
      const width = between(random, 1, 40);
      const [gradient, x] = [
        normals(random, numTokens * numHeads * width),
        normals(random, numTokens * numHeads * width),
      ];
      const shape = numHeads === 1 ? [T, width] : [T, numHeads, width];
      const eps = [1e-5, 0.5][index % 2];
      return {
        name: `[${numTokens},${numHeads},${width}], eps ${eps}`,
        operands: [rows(shape, gradient), rows(shape, x)],
        build: ([gradient_TD, x_TD]) => rmsNormGradWeight(gradient_TD, x_TD, { eps }),
        bindings: { T: numTokens },
        expected: definition(gradient, x, width, eps),
      };
    }),
  ],
  refuses: {
    'a gradient of another shape': (g) =>
      rmsNormGradWeight(g.weight('gradient', [2, 3]), g.weight('x', [2, 4]), { eps: 1e-5 }),
  },
};
