import { linearGradWeight } from '../../../src/graph/ops/linear-grad-weight.ts';
import { between, normals, type OpCase, type OpSuite, randomCases, rows, T } from '../op-case.ts';

/** dW[o, i] = Σ_t gradient[t, o] · x[t, i]. */
function definition(gradient: Float32Array, x: Float32Array, numTokens: number): number[] {
  const [numOut, numIn] = [gradient.length / numTokens, x.length / numTokens];
  const out: number[] = [];
  for (let o = 0; o < numOut; o++) {
    for (let i = 0; i < numIn; i++) {
      let sum = 0;
      for (let t = 0; t < numTokens; t++) sum += gradient[t * numOut + o] * x[t * numIn + i];
      out.push(sum);
    }
  }
  return out;
}

export const suite: OpSuite = {
  cases: [
    {
      name: 'outer products, added up over tokens',
      operands: [rows([T, 2], [1, 2, 10, 0]), rows([T, 3], [1, 2, 3, 4, 5, 6])],
      build: ([gradient, x]) => linearGradWeight(gradient, x),
      bindings: { T: 2 },
      expected: [41, 52, 63, 2, 4, 6],
    },
    ...randomCases(6, (random, index): OpCase => {
      const [numOut, numIn] = [between(random, 1, 40), between(random, 1, 70)];
      const numTokens = index === 0 ? 1 : between(random, 1, 33);
      const gradient = normals(random, numTokens * numOut);
      const x = normals(random, numTokens * numIn);
      return {
        name: `${numTokens} tokens, [${numOut},${numIn}]`,
        operands: [rows([T, numOut], gradient), rows([T, numIn], x)],
        build: ([gradient_TO, x_TI]) => linearGradWeight(gradient_TO, x_TI),
        bindings: { T: numTokens },
        expected: definition(gradient, x, numTokens),
      };
    }),
  ],
  refuses: {
    'another number of rows': (g) => linearGradWeight(g.weight('gradient', [2, 4]), g.weight('x', [3, 4])),
  },
};
