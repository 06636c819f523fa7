import { linearGradInput } from '../../../src/graph/ops/linear-grad-input.ts';
import { between, normals, type OpCase, type OpSuite, randomCases, rows, T, weight } from '../op-case.ts';

/** dx[t, i] = Σ_o gradient[t, o] · weight[o, i]. */
function definition(
  gradient: Float32Array,
  weight_OI: Float32Array,
  numOut: number,
  numIn: number,
): number[] {
  const out: number[] = [];
  for (let t = 0; t < gradient.length / numOut; t++) {
    for (let i = 0; i < numIn; i++) {
      let sum = 0;
      for (let o = 0; o < numOut; o++) sum += gradient[t * numOut + o] * weight_OI[o * numIn + i];
      out.push(sum);
    }
  }
  return out;
}

export const suite: OpSuite = {
  cases: [
    {
      name: 'columns of the matrix are outputs',
      operands: [rows([T, 3], [1, 10, 100]), weight([3, 2], [1, 2, 3, 4, 5, 6])],
      build: ([gradient, w]) => linearGradInput(gradient, w),
      bindings: { T: 1 },
      expected: [531, 642],
    },
    ...randomCases(7, (random, index): OpCase => {
      const type = ['f32', 'f32', 'f32', 'f32', 'f32', 'bf16', 'q8_0'][index];
      const [numTokens, numOut] = [between(random, 1, 9), between(random, 1, 40)];
      const numIn = type === 'q8_0' ? 64 : between(random, 1, 70);
      const gradient = normals(random, numTokens * numOut);
      const matrix = weight([numOut, numIn], normals(random, numOut * numIn), type);
      return {
        name: `[${numTokens},${numOut}] by ${type} [${numOut},${numIn}]`,
        operands: [rows([T, numOut], gradient), matrix],
        build: ([gradient_TO, weight_OI]) => linearGradInput(gradient_TO, weight_OI),
        bindings: { T: numTokens },
        expected: definition(gradient, matrix.data, numOut, numIn),
      };
    }),
  ],
  refuses: {
    'a gradient of another width': (g) =>
      linearGradInput(g.weight('gradient', [2, 4]), g.weight('w', [3, 4])),
    'heads where rows belong': (g) => linearGradInput(g.weight('gradient', [2, 1, 3]), g.weight('w', [3, 4])),
  },
};
