import { linear } from '../../../src/graph/ops/linear.ts';
import { between, normals, type OpCase, type OpSuite, randomCases, rows, T, weight } from '../op-case.ts';

function definition(x: Float32Array, weight_OI: Float32Array, numIn: number): number[] {
  const out: number[] = [];
  for (let t = 0; t < x.length / numIn; t++) {
    for (let o = 0; o < weight_OI.length / numIn; o++) {
      let sum = 0;
      for (let i = 0; i < numIn; i++) sum += x[t * numIn + i] * weight_OI[o * numIn + i];
      out.push(sum);
    }
  }
  return out;
}

function linearCase(
  x: Float32Array,
  weights: Float32Array,
  [numTokens, numIn, numOut]: readonly number[],
  type = 'f32',
): OpCase {
  const matrix = weight([numOut, numIn], weights, type);
  return {
    name: `[${numTokens},${numIn}] by ${type} [${numOut},${numIn}]`,
    operands: [rows([T, numIn], x), matrix],
    build: ([x_TI, weight_OI]) => linear(x_TI, weight_OI),
    bindings: { T: numTokens },
    expected: definition(x, matrix.data, numIn),
  };
}

export const suite: OpSuite = {
  cases: [
    {
      name: 'rows of the matrix are outputs',
      operands: [rows([T, 2], [1, 10]), weight([3, 2], [1, 2, 3, 4, 5, 6])],
      build: ([x, w]) => linear(x, w),
      bindings: { T: 1 },
      expected: [21, 43, 65],
    },
    // Backends compute with activations about as exact as the weights: for q8_0 both are 8-bit blocks.
    ...randomCases(3, (random, index) => ({
      ...linearCase(
        normals(random, 5 * 64),
        normals(random, 7 * 64),
        [5, 64, 7],
        ['f16', 'bf16', 'q8_0'][index],
      ),
      backendTolerance: 1e-2,
    })),
    ...randomCases(6, (random) => {
      const sizes = [between(random, 1, 9), between(random, 1, 70), between(random, 1, 40)];
      return linearCase(normals(random, sizes[0] * sizes[1]), normals(random, sizes[2] * sizes[1]), sizes);
    }),
  ],
  refuses: {
    'rows of another length': (g) => linear(g.weight('x', [2, 4]), g.weight('w', [3, 5])),
    'a transposed matrix': (g) => linear(g.weight('x', [2, 4]), g.weight('w', [4, 3])),
    'heads where rows belong': (g) => linear(g.weight('x', [2, 2, 4]), g.weight('w', [3, 4])),
  },
};
