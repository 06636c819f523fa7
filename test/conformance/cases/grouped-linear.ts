import { groupedLinear } from '../../../src/graph/ops/grouped-linear.ts';
import {
  between,
  distinctChoices,
  integers,
  normals,
  type OpCase,
  type OpSuite,
  randomCases,
  rows,
  T,
  weight,
} from '../op-case.ts';

interface Sizes {
  readonly numTokens: number;
  readonly numExperts: number;
  readonly k: number;
  readonly numIn: number;
  readonly numOut: number;
}

/** Row t·K + k by the matrix of its expert; x has a row for each token, or for each of its slots. */
function definition(x: Float32Array, weights: Float32Array, experts_TK: Int32Array, sizes: Sizes): number[] {
  const { k, numIn, numOut, numTokens } = sizes;
  const isPerToken = x.length === numTokens * numIn;
  const out: number[] = [];
  experts_TK.forEach((expert, r) => {
    const row = isPerToken ? Math.floor(r / k) : r;
    for (let o = 0; o < numOut; o++) {
      let sum = 0;
      for (let i = 0; i < numIn; i++) sum += x[row * numIn + i] * weights[(expert * numOut + o) * numIn + i];
      out.push(sum);
    }
  });
  return out;
}

function groupedCase(
  name: string,
  x: Float32Array,
  weights: Float32Array,
  experts: Int32Array,
  sizes: Sizes,
  type = 'f32',
): OpCase {
  const { numTokens, numExperts, k, numIn, numOut } = sizes;
  const isPerToken = x.length === numTokens * numIn;
  const matrices = weight([numExperts, numOut, numIn], weights, type);
  return {
    name: `${name}: ${numTokens} tokens, ${k} of ${numExperts} experts [${numOut},${numIn}]`,
    operands: [
      rows([isPerToken ? T : { symbol: 'T', times: k }, numIn], x),
      matrices,
      integers([T, k], experts),
    ],
    build: ([tensor, weight_EOI, experts_TK]) => groupedLinear(tensor, weight_EOI, experts_TK),
    bindings: { T: numTokens },
    expected: definition(x, matrices.data, experts, sizes),
  };
}

export const suite: OpSuite = {
  cases: [
    groupedCase(
      'by hand',
      Float32Array.of(1, 10, 2, 20),
      Float32Array.of(1, 0, 0, 1, 3, 4),
      Int32Array.of(2, 0, 1, 2),
      { numTokens: 2, numExperts: 3, k: 2, numIn: 2, numOut: 1 },
    ),
    ...randomCases(8, (random, index) => {
      const numExperts = between(random, 2, 9);
      const sizes = {
        numTokens: index === 0 ? 1 : between(random, 1, 12),
        numExperts,
        k: between(random, 1, numExperts),
        numIn: between(random, 1, 50),
        numOut: between(random, 1, 20),
      };
      const isPerToken = index % 2 === 0;
      const numRows = sizes.numTokens * (isPerToken ? 1 : sizes.k);
      return groupedCase(
        isPerToken ? 'a row for each token' : 'a row for each slot',
        normals(random, numRows * sizes.numIn),
        normals(random, numExperts * sizes.numOut * sizes.numIn),
        distinctChoices(random, sizes.numTokens, sizes.k, numExperts),
        sizes,
      );
    }),
    ...randomCases(2, (random, index) => {
      const sizes = { numTokens: 9, numExperts: 5, k: 2, numIn: 64, numOut: 12 };
      const everyone = new Int32Array(18).map((_, r) => (r % 2 === 0 ? 3 : 1));
      return {
        ...groupedCase(
          `all tokens choose the same, ${['bf16', 'q8_0'][index]}`,
          normals(random, 9 * 64),
          normals(random, 5 * 12 * 64),
          everyone,
          sizes,
          ['bf16', 'q8_0'][index],
        ),
        backendTolerance: 1e-2,
      };
    }),
  ],
  refuses: {
    'rows of another length': (g) =>
      groupedLinear(g.weight('x', [2, 4]), g.weight('w', [3, 5, 6]), g.input('e', [2, 2])),
    'neither a row for each token nor for each slot': (g) =>
      groupedLinear(g.weight('x', [3, 4]), g.weight('w', [3, 5, 4]), g.input('e', [2, 2])),
    'one matrix for all': (g) =>
      groupedLinear(g.weight('x', [2, 4]), g.weight('w', [5, 4]), g.input('e', [2, 2])),
    'experts that are not integers': (g) =>
      groupedLinear(g.weight('x', [2, 4]), g.weight('w', [3, 5, 4]), g.weight('e', [2, 2])),
  },
};
