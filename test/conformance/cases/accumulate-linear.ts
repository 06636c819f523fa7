import { accumulateLinear } from '../../../src/graph/ops/accumulate-linear.ts';
import { between, normals, type OpCase, type OpSuite, randomCases, rows, stored, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'outer products on top of what is there',
      operands: [
        stored([2, 3], [100, 200, 300, 400, 500, 600]),
        rows([T, 2], [1, 2, 10, 0]),
        rows([T, 3], [1, 2, 3, 4, 5, 6]),
      ],
      build: ([sum, gradient, x]) => accumulateLinear(sum, gradient, x),
      bindings: { T: 2 },
      expected: [0, 141, 252, 363, 402, 504, 606],
    },
    ...randomCases(7, (random, index): OpCase => {
      const [numOut, numIn] = [between(random, 1, 70), between(random, 1, 70)];
      const numTokens = index === 0 ? 1 : between(random, 1, 90);
      const before = normals(random, numOut * numIn);
      const gradient = normals(random, numTokens * numOut);
      const x = normals(random, numTokens * numIn);
      const expected = Float64Array.from(before, (start, at) => {
        let value = start;
        const [o, i] = [Math.floor(at / numIn), at % numIn];
        for (let t = 0; t < numTokens; t++) value += gradient[t * numOut + o] * x[t * numIn + i];
        return value;
      });
      return {
        name: `${numTokens} tokens, [${numOut},${numIn}]`,
        operands: [stored([numOut, numIn], before), rows([T, numOut], gradient), rows([T, numIn], x)],
        build: ([sum_OI, gradient_TO, x_TI]) => accumulateLinear(sum_OI, gradient_TO, x_TI),
        bindings: { T: numTokens },
        expected: [0, ...expected],
      };
    }),
  ],
  refuses: {
    'another number of rows': (g) =>
      accumulateLinear(g.state('sum', [4, 5]), g.weight('gradient', [2, 4]), g.weight('x', [3, 5])),
    'a sum of another shape': (g) =>
      accumulateLinear(g.state('sum', [5, 4]), g.weight('gradient', [3, 4]), g.weight('x', [3, 5])),
  },
};
