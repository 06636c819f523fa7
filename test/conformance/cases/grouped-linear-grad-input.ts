import { groupedLinearGradInput } from '../../../src/graph/ops/grouped-linear-grad-input.ts';
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

export const suite: OpSuite = {
  cases: [
    ...[1, 2].map(
      (slotsPerRow): OpCase => ({
        name: `by hand, ${slotsPerRow === 1 ? 'a row for each slot' : 'slots of a token added up'}`,
        operands: [
          rows([{ symbol: 'T', times: 2 }, 1], [1, 10, 100, 1000]),
          weight([3, 1, 2], [1, 2, 3, 4, 5, 6]),
          integers([T, 2], [2, 0, 1, 2]),
        ],
        build: ([gradient, w, experts]) => groupedLinearGradInput(gradient, w, experts, { slotsPerRow }),
        bindings: { T: 2 },
        expected: slotsPerRow === 1 ? [5, 6, 10, 20, 300, 400, 5000, 6000] : [15, 26, 5300, 6400],
      }),
    ),
    ...randomCases(7, (random, index): OpCase => {
      const numExperts = between(random, 2, 9);
      const [numTokens, k] = [index === 0 ? 1 : between(random, 1, 12), between(random, 1, numExperts)];
      const [numOut, numIn] = [between(random, 1, 20), between(random, 1, 50)];
      const slotsPerRow = index % 2 === 0 ? 1 : k;
      const gradient = normals(random, numTokens * k * numOut);
      const weights = normals(random, numExperts * numOut * numIn);
      const experts = distinctChoices(random, numTokens, k, numExperts);
      const expected = new Float64Array(((numTokens * k) / slotsPerRow) * numIn);
      for (let r = 0; r < numTokens * k; r++) {
        for (let i = 0; i < numIn; i++) {
          for (let o = 0; o < numOut; o++) {
            expected[Math.floor(r / slotsPerRow) * numIn + i] +=
              gradient[r * numOut + o] * weights[(experts[r] * numOut + o) * numIn + i];
          }
        }
      }
      return {
        name: `${numTokens} tokens, ${k} of ${numExperts} experts [${numOut},${numIn}], ${slotsPerRow} slots a row`,
        operands: [
          rows([{ symbol: 'T', times: k }, numOut], gradient),
          weight([numExperts, numOut, numIn], weights),
          integers([T, k], experts),
        ],
        build: ([gradient_RO, weight_EOI, experts_TK]) =>
          groupedLinearGradInput(gradient_RO, weight_EOI, experts_TK, { slotsPerRow }),
        bindings: { T: numTokens },
        expected,
      };
    }),
  ],
  refuses: {
    'a gradient for tokens instead of routed rows': (g) =>
      groupedLinearGradInput(g.weight('gradient', [2, 5]), g.weight('w', [3, 5, 4]), g.input('e', [2, 2]), {
        slotsPerRow: 2,
      }),
    'a gradient of another width': (g) =>
      groupedLinearGradInput(g.weight('gradient', [4, 4]), g.weight('w', [3, 5, 4]), g.input('e', [2, 2]), {
        slotsPerRow: 1,
      }),
    'slots that are not a token': (g) =>
      groupedLinearGradInput(g.weight('gradient', [8, 5]), g.weight('w', [5, 5, 4]), g.input('e', [2, 4]), {
        slotsPerRow: 2,
      }),
    'one matrix for all': (g) =>
      groupedLinearGradInput(g.weight('gradient', [4, 5]), g.weight('w', [5, 4]), g.input('e', [2, 2]), {
        slotsPerRow: 1,
      }),
  },
};
