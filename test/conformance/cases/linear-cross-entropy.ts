import { linearCrossEntropy } from '../../../src/graph/ops/linear-cross-entropy.ts';
import type { GraphBuilder, Tensor } from '../../../src/graph/tensor.ts';
import {
  between,
  choices,
  floats,
  integers,
  normals,
  type OpCase,
  type OpSuite,
  randomCases,
  rows,
  T,
  weight,
} from '../op-case.ts';

function attempt(
  g: GraphBuilder,
  shapes: { weight?: number[]; targets?: number[]; weights?: number[] },
): Tensor {
  return linearCrossEntropy(
    g.weight('x', [3, 8]),
    g.weight('weight', shapes.weight ?? [20, 8]),
    g.input('targets', shapes.targets ?? [3]),
    g.input('weights', shapes.weights ?? [3], 'f32'),
  );
}

export const suite: OpSuite = {
  cases: [
    {
      // Probabilities 1/4 each; then 3/4 and 1/4 of two words.
      name: 'by hand: words equally likely, a row that does not count, a row that counts half',
      operands: [
        rows([T, 2], [0, 0, 0, 5, Math.log(3), 0, 7, 7]),
        weight([4, 2], [1, 0, 0, 0, -1000, 0, -1000, 0]),
        integers([T], [2, -1, 1, 0]),
        floats([T], [1, 1, 0.5, 0]),
      ],
      build: ([x, matrix, targets, weights]) => linearCrossEntropy(x, matrix, targets, weights),
      bindings: { T: 4 },
      expected: [Math.log(4), 0, 0.5 * Math.log(4), 0],
    },
    {
      name: 'logits that the exponential of f32 cannot hold',
      operands: [
        rows([T, 1], [200, -200]),
        weight([2, 1], [1, -1]),
        integers([T], [0, 0]),
        floats([T], [1, 1]),
      ],
      build: ([x, matrix, targets, weights]) => linearCrossEntropy(x, matrix, targets, weights),
      bindings: { T: 2 },
      expected: [0, 400],
    },
    ...randomCases(6, (random, index): OpCase => {
      const numTokens = index === 0 ? 1 : between(random, 2, 40);
      const [width, numWords] = [between(random, 1, 40), between(random, 1, 300)];
      const x = normals(random, numTokens * width);
      const matrix = normals(random, numWords * width);
      const targets = choices(random, numTokens, numWords + 1).map((target) => target - 1);
      const weights = Float32Array.from(choices(random, numTokens, 3), (value) => value / 2);
      return {
        name: `${numTokens} rows of ${width}, ${numWords} words`,
        operands: [
          rows([T, width], x),
          weight([numWords, width], matrix),
          integers([T], targets),
          floats([T], weights),
        ],
        build: ([x_TD, weight_VD, targets_T, weights_T]) =>
          linearCrossEntropy(x_TD, weight_VD, targets_T, weights_T),
        bindings: { T: numTokens },
        expected: Array.from(targets, (target, t) => {
          if (target < 0) return 0;
          const raised = Array.from({ length: numWords }, (_, v) => {
            let logit = 0;
            for (let i = 0; i < width; i++) logit += x[t * width + i] * matrix[v * width + i];
            return Math.exp(logit);
          });
          return -weights[t] * Math.log(raised[target] / raised.reduce((a, b) => a + b));
        }),
      };
    }),
  ],
  refuses: {
    'a matrix of another width': (g) => attempt(g, { weight: [20, 7] }),
    'a missing target': (g) => attempt(g, { targets: [2] }),
    'a missing weight': (g) => attempt(g, { weights: [2] }),
  },
};
