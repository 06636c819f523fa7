import { accumulateGroupedLinear } from '../../../src/graph/ops/accumulate-grouped-linear.ts';
import type { GraphBuilder, Tensor } from '../../../src/graph/tensor.ts';
import {
  between,
  distinctChoices,
  integers,
  normals,
  type OpCase,
  type OpSuite,
  randomCases,
  rows,
  stored,
  T,
} from '../op-case.ts';

function attempt(g: GraphBuilder, shapes: { sum?: number[]; gradient?: number[]; x?: number[] }): Tensor {
  return accumulateGroupedLinear(
    g.state('sum', shapes.sum ?? [3, 5, 4]),
    g.weight('gradient', shapes.gradient ?? [4, 5]),
    g.weight('x', shapes.x ?? [2, 4]),
    g.input('e', [2, 2]),
  );
}

export const suite: OpSuite = {
  cases: [
    {
      name: 'by hand: a matrix that nobody chose stays as it is',
      operands: [
        stored([3, 1, 2], [1, 1, 5, 6, 2, 2]),
        rows([{ symbol: 'T', times: 2 }, 1], [1, 10, 100, 1000]),
        rows([T, 2], [1, 2, 3, 4]),
        integers([T, 2], [2, 0, 0, 2]),
      ],
      build: ([sum, gradient, x, experts]) => accumulateGroupedLinear(sum, gradient, x, experts),
      bindings: { T: 2 },
      expected: [0, 311, 421, 5, 6, 3003, 4004],
    },
    ...randomCases(8, (random, index): OpCase => {
      const numExperts = between(random, 2, 9);
      const [numTokens, k] = [index === 0 ? 1 : between(random, 1, 40), between(random, 1, numExperts)];
      const [numOut, numIn] = [between(random, 1, 30), between(random, 1, 50)];
      const slotsPerRow = index % 2 === 0 ? 1 : k;
      const numRows = (numTokens * k) / slotsPerRow;
      const before = normals(random, numExperts * numOut * numIn);
      const gradient = normals(random, numTokens * k * numOut);
      const x = normals(random, numRows * numIn);
      const experts = distinctChoices(random, numTokens, k, numExperts);
      const expected = Float64Array.from(before);
      for (let r = 0; r < numTokens * k; r++) {
        for (let o = 0; o < numOut; o++) {
          for (let i = 0; i < numIn; i++) {
            expected[(experts[r] * numOut + o) * numIn + i] +=
              gradient[r * numOut + o] * x[Math.floor(r / slotsPerRow) * numIn + i];
          }
        }
      }
      return {
        name: `${numTokens} tokens, ${k} of ${numExperts} experts [${numOut},${numIn}], ${numRows} rows of x`,
        operands: [
          stored([numExperts, numOut, numIn], before),
          rows([{ symbol: 'T', times: k }, numOut], gradient),
          rows([slotsPerRow === 1 ? { symbol: 'T', times: k } : T, numIn], x),
          integers([T, k], experts),
        ],
        build: ([sum_EOI, gradient_RO, tensor, experts_TK]) =>
          accumulateGroupedLinear(sum_EOI, gradient_RO, tensor, experts_TK),
        bindings: { T: numTokens },
        expected: [0, ...expected],
      };
    }),
  ],
  refuses: {
    'a gradient for tokens instead of routed rows': (g) => attempt(g, { gradient: [2, 5] }),
    'neither a row for each token nor for each slot': (g) => attempt(g, { x: [3, 4] }),
    'a sum of another shape': (g) => attempt(g, { sum: [3, 4, 5] }),
  },
};
