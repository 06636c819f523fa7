import { balanceWeights } from '../../../src/graph/ops/balance-weights.ts';
import {
  between,
  choices,
  distinctChoices,
  floats,
  integers,
  type OpCase,
  type OpSuite,
  randomCases,
  T,
} from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      // Two sequences of 2 and 1 tokens; f is [2, 1/2·2, 1] of the first, [0, 3, 0] of the second, then 1/(n·m).
      name: 'by hand: each sequence has shares of its own',
      operands: [integers([T, 1], [0, 1, 1]), integers([T], [4, 4, 5]), floats([1], [2])],
      build: ([experts, sequences, factor]) => balanceWeights(experts, sequences, factor, { numExperts: 3 }),
      bindings: { T: 3 },
      expected: [0.75, 0.75, 0, 0.75, 0.75, 0, 0, 3, 0],
    },
    ...randomCases(5, (random, index): OpCase => {
      const numExperts = between(random, 1, 12);
      const [numTokens, k] = [index === 0 ? 1 : between(random, 2, 60), between(random, 1, numExperts)];
      const experts = distinctChoices(random, numTokens, k, numExperts);
      const sequences = choices(random, numTokens, 4).sort();
      const numSequences = new Set(sequences).size;
      const factor = 0.5;
      const expected = Array.from({ length: numTokens * numExperts }, (_, at) => {
        const [t, e] = [Math.floor(at / numExperts), at % numExperts];
        const length = sequences.filter((one) => one === sequences[t]).length;
        const chosen = experts.filter((one, r) => one === e && sequences[Math.floor(r / k)] === sequences[t]);
        const share = (numExperts / (k * length)) * chosen.length;
        return (factor * share) / length / numSequences;
      });
      return {
        name: `${numTokens} tokens of ${numSequences} sequences, ${k} of ${numExperts}`,
        operands: [integers([T, k], experts), integers([T], sequences), floats([1], [factor])],
        build: ([experts_TK, sequences_T, factor_1]) =>
          balanceWeights(experts_TK, sequences_T, factor_1, { numExperts }),
        bindings: { T: numTokens },
        expected,
      };
    }),
  ],
  refuses: {
    'a token without a sequence': (g) =>
      balanceWeights(g.input('e', [3, 2]), g.input('s', [2]), g.input('f', [1], 'f32'), { numExperts: 4 }),
    'two factors': (g) =>
      balanceWeights(g.input('e', [3, 2]), g.input('s', [3]), g.input('f', [2], 'f32'), { numExperts: 4 }),
  },
};
