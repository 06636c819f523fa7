import { swiglu } from '../../../src/graph/ops/swiglu.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'the gate is activated, not the other',
      operands: [rows([T, 3], [0, 1, -1]), rows([T, 3], [5, -3, 2])],
      build: ([gate, up]) => swiglu(gate, up),
      bindings: { T: 1 },
      expected: [0, -2.1931757, -0.5378828],
    },
    ...randomCases(5, (random) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 70)];
      const gate = normals(random, numTokens * width).map((value) => 3 * value);
      const up = normals(random, numTokens * width);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], gate), rows([T, width], up)],
        build: ([left, right]) => swiglu(left, right),
        bindings: { T: numTokens },
        expected: gate.map((z, i) => z * (0.5 + 0.5 * Math.tanh(z / 2)) * up[i]),
      };
    }),
  ],
  refuses: {
    'a gate of another width': (g) => swiglu(g.weight('gate', [2, 4]), g.weight('up', [2, 5])),
  },
};
