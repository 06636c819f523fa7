import { groupedLinearGradWeight } from '../../../src/graph/ops/grouped-linear-grad-weight.ts';
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
} from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'by hand: a matrix that nobody chose stays zero',
      operands: [
        rows([{ symbol: 'T', times: 2 }, 1], [1, 10, 100, 1000]),
        rows([T, 2], [1, 2, 3, 4]),
        integers([T, 2], [2, 0, 0, 2]),
      ],
      build: ([gradient, x, experts]) => groupedLinearGradWeight(gradient, x, experts, { numExperts: 3 }),
      bindings: { T: 2 },
      expected: [310, 420, 0, 0, 3001, 4002],
    },
    ...randomCases(7, (random, index): OpCase => {
      const numExperts = between(random, 2, 9);
      const [numTokens, k] = [index === 0 ? 1 : between(random, 1, 12), between(random, 1, numExperts)];
      const [numOut, numIn] = [between(random, 1, 20), between(random, 1, 50)];
      const slotsPerRow = index % 2 === 0 ? 1 : k;
      const numRows = (numTokens * k) / slotsPerRow;
      const gradient = normals(random, numTokens * k * numOut);
      const x = normals(random, numRows * numIn);
      const experts = distinctChoices(random, numTokens, k, numExperts);
      const expected = new Float64Array(numExperts * numOut * numIn);
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
          rows([{ symbol: 'T', times: k }, numOut], gradient),
          rows([slotsPerRow === 1 ? { symbol: 'T', times: k } : T, numIn], x),
          integers([T, k], experts),
        ],
        build: ([gradient_RO, tensor, experts_TK]) =>
          groupedLinearGradWeight(gradient_RO, tensor, experts_TK, { numExperts }),
        bindings: { T: numTokens },
        expected,
      };
    }),
  ],
  refuses: {
    'a gradient for tokens instead of routed rows': (g) =>
      groupedLinearGradWeight(g.weight('gradient', [2, 5]), g.weight('x', [2, 4]), g.input('e', [2, 2]), {
        numExperts: 3,
      }),
    'neither a row for each token nor for each slot': (g) =>
      groupedLinearGradWeight(g.weight('gradient', [4, 5]), g.weight('x', [3, 4]), g.input('e', [2, 2]), {
        numExperts: 3,
      }),
    'experts that are not integers': (g) =>
      groupedLinearGradWeight(g.weight('gradient', [4, 5]), g.weight('x', [2, 4]), g.weight('e', [2, 2]), {
        numExperts: 3,
      }),
  },
};
