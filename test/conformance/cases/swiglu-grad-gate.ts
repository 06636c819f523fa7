import { swigluGradGate } from '../../../src/graph/ops/swiglu-grad-gate.ts';
import { between, normals, type OpSuite, randomCases, rows, T } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      // The slopes of silu at 0, 1, −1 and far out, times gradient times up.
      name: 'five slopes computed by hand',
      operands: [
        rows([T, 5], [1, 1, 2, 3, 3]),
        rows([T, 5], [0, 1, -1, 1000, -1000]),
        rows([T, 5], [2, 1, -1, 1, 5]),
      ],
      build: ([gradient, gate, up]) => swigluGradGate(gradient, gate, up),
      bindings: { T: 1 },
      expected: [1, 0.9276705, -0.144659, 3, -0],
    },
    ...randomCases(5, (random) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 70)];
      const gradient = normals(random, numTokens * width);
      const gate = normals(random, numTokens * width).map((value) => 3 * value);
      const up = normals(random, numTokens * width);
      return {
        name: `[${numTokens},${width}]`,
        operands: [rows([T, width], gradient), rows([T, width], gate), rows([T, width], up)],
        build: ([gradient_TF, gate_TF, up_TF]) => swigluGradGate(gradient_TF, gate_TF, up_TF),
        bindings: { T: numTokens },
        // d/dz z·(1 + tanh(z/2))/2
        expected: gradient.map((value, i) => {
          const half = Math.tanh(gate[i] / 2);
          return value * up[i] * (0.5 + 0.5 * half + (gate[i] / 4) * (1 - half ** 2));
        }),
      };
    }),
  ],
  refuses: {
    'a gate of another width': (g) =>
      swigluGradGate(g.weight('gradient', [2, 4]), g.weight('gate', [2, 5]), g.weight('up', [2, 4])),
  },
};
