import { countExperts } from '../../../src/graph/ops/count-experts.ts';
import { between, distinctChoices, integers, type OpCase, type OpSuite, randomCases, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'one that nobody chose',
      operands: [integers([T, 2], [2, 0, 0, 3, 2, 0])],
      build: ([experts]) => countExperts(experts, { numExperts: 4 }),
      bindings: { T: 3 },
      expected: [3, 0, 2, 1],
    },
    ...randomCases(3, (random): OpCase => {
      const numExperts = between(random, 1, 40);
      const [numTokens, k] = [between(random, 1, 100), between(random, 1, numExperts)];
      const experts = distinctChoices(random, numTokens, k, numExperts);
      return {
        name: `${numTokens} tokens, ${k} of ${numExperts}`,
        operands: [integers([T, k], experts)],
        build: ([experts_TK]) => countExperts(experts_TK, { numExperts }),
        bindings: { T: numTokens },
        expected: Array.from({ length: numExperts }, (_, e) => experts.filter((one) => one === e).length),
      };
    }),
  ],
  refuses: {
    'scores instead of experts': (g) => countExperts(g.weight('scores', [3, 4]), { numExperts: 4 }),
  },
};
