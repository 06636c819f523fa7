import { rmsNorm } from '../../../src/graph/ops/rms-norm.ts';
import { between, normals, type OpCase, type OpSuite, randomCases, rows, T, weight } from '../op-case.ts';

function definition(x: Float32Array, weight_D: Float32Array, eps: number): number[] {
  const width = weight_D.length;
  return Array.from(x, (value, i) => {
    const row = x.slice(i - (i % width), i - (i % width) + width);
    const meanSquare = row.reduce((sum, entry) => sum + entry ** 2, 0) / width;
    return (weight_D[i % width] * value) / Math.sqrt(meanSquare + eps);
  });
}

export const suite: OpSuite = {
  cases: [
    {
      name: 'four values computed by hand',
      operands: [rows([T, 4], [1, -2, 3, 0.5]), weight([4], [1, 1, 1, 1])],
      build: ([x, w]) => rmsNorm(x, w, { eps: 1e-5 }),
      bindings: { T: 1 },
      expected: [0.5298122, -1.0596244, 1.5894366, 0.2649061],
    },
    {
      name: 'a row of zeros stays zero',
      operands: [rows([T, 3], [0, 0, 0, 3e-4, 0, 0]), weight([3], [1, 2, 3])],
      build: ([x, w]) => rmsNorm(x, w, { eps: 1e-5 }),
      bindings: { T: 2 },
      // The second row is as small as eps: 3e-4 / sqrt(9e-8/3 + 1e-5).
      expected: [0, 0, 0, 0.0947264, 0, 0],
      differenceStep: 1e-5,
    },
    ...randomCases(6, (random, index): OpCase => {
      const numTokens = between(random, 1, 7);
      const [numHeads, width] = [between(random, 1, 4), between(random, 1, 70)];
      const isPerHead = index % 2 === 1;
      const x = normals(random, numTokens * (isPerHead ? numHeads : 1) * width);
      const w = normals(random, width);
      const eps = [1e-5, 1e-6, 0.5][index % 3];
      const shape = isPerHead ? [T, numHeads, width] : [T, width];
      return {
        name: isPerHead ? `heads of [${numTokens},${numHeads},${width}]` : `[${numTokens},${width}]`,
        operands: [rows(shape, x), weight([width], w)],
        build: ([tensor, weight_D]) => rmsNorm(tensor, weight_D, { eps }),
        bindings: { T: numTokens },
        expected: definition(x, w, eps),
      };
    }),
  ],
  refuses: {
    'a weight of another width': (g) => rmsNorm(g.weight('x', [2, 4]), g.weight('w', [3]), { eps: 1e-5 }),
    'a weight that is a matrix': (g) => rmsNorm(g.weight('x', [2, 4]), g.weight('w', [1, 4]), { eps: 1e-5 }),
  },
};
