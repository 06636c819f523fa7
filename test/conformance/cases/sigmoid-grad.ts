import { sigmoidGrad } from '../../../src/graph/ops/sigmoid-grad.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'is steepest in the middle and flat at the ends',
      operands: [rows([T, 4], [1, 2, 3, 4]), rows([T, 4], [0.5, 0.75, 0, 1])],
      build: ([gradient, s]) => sigmoidGrad(gradient, s),
      bindings: { T: 1 },
      expected: [0.25, 0.375, 0, 0],
    },
    ...randomCases(4, (random) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 40)];
      const gradient = normals(random, numTokens * width);
      const s = Float32Array.from(gradient, () => random.uniform());
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], gradient), rows([T, width], s)],
        build: ([gradient_TE, scores_TE]) => sigmoidGrad(gradient_TE, scores_TE),
        bindings: { T: numTokens },
        expected: gradient.map((value, i) => value * (s[i] - s[i] ** 2)),
      };
    }),
  ],
  refuses: {
    'shapes that differ': (g) => sigmoidGrad(g.weight('gradient', [2, 4]), g.weight('s', [4])),
  },
};
