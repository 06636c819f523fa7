import { adamw } from '../../../src/graph/ops/adamw.ts';
import type { GraphBuilder, Tensor } from '../../../src/graph/tensor.ts';
import { between, floats, normals, type OpCase, type OpSuite, randomCases, stored } from '../op-case.ts';

function attempt(g: GraphBuilder, shapes: { gradient?: number[]; rates?: number[] }): Tensor {
  return adamw(
    g.state('parameter', [2, 3]),
    g.state('gradient', shapes.gradient ?? [2, 3]),
    g.state('mean', [2, 3]),
    g.state('square', [2, 3]),
    g.input('rates', shapes.rates ?? [4], 'f32'),
    { beta1: 0.9, beta2: 0.95, eps: 1e-8, decay: 0.1 },
  );
}

export const suite: OpSuite = {
  cases: [
    {
      // At the first step mean/0.5 = g and √(square/0.75) = |g|, so that a parameter moves by the rate and its decay.
      name: 'the first step has the length of the rate, and decay does not pass through the gradient',
      operands: [
        stored([2], [1, -2]),
        stored([2], [6, -0.02]),
        stored([2], [0, 0]),
        stored([2], [0, 0]),
        floats([4], [0.25, 0.5, 0.5, 0.75]),
      ],
      build: ([p, g, m, v, rates]) =>
        adamw(p, g, m, v, rates, { beta1: 0.5, beta2: 0.25, eps: 0, decay: 0.5 }),
      bindings: {},
      expected: [
        ...[0, 1 * 0.875 - 0.25, -2 * 0.875 + 0.25],
        ...[0, 0],
        ...[1.5, -0.005],
        ...[6.75, 0.000075],
      ],
    },
    ...randomCases(4, (random, index): OpCase => {
      const count = between(random, 1, 300);
      const [p, g, m] = [normals(random, count), normals(random, count), normals(random, count)];
      const v = normals(random, count).map((value) => value * value);
      const step = index * 7 + 1;
      const [beta1, beta2, eps, decay] = [0.9, 0.95, 1e-8, index % 2 === 0 ? 0.1 : 0];
      const rates = Float32Array.of(3e-3, 0.7, 1 - beta1 ** step, 1 - beta2 ** step);
      const mean = Float64Array.from(m, (value, i) => value + (1 - beta1) * (g[i] * rates[1] - value));
      const square = Float64Array.from(
        v,
        (value, i) => value + (1 - beta2) * ((g[i] * rates[1]) ** 2 - value),
      );
      const moved = Float64Array.from(p, (value, i) => {
        const pull = mean[i] / rates[2] / (Math.sqrt(square[i] / rates[3]) + eps);
        return value - rates[0] * (pull + decay * value);
      });
      return {
        name: `${count} elements, step ${step}, decay ${decay}`,
        operands: [...[p, g, m, v].map((values) => stored([count], values)), floats([4], rates)],
        build: ([p_, g_, m_, v_, rates_4]) => adamw(p_, g_, m_, v_, rates_4, { beta1, beta2, eps, decay }),
        bindings: {},
        expected: [0, ...moved, ...new Float32Array(count), ...mean, ...square],
      };
    }),
  ],
  refuses: {
    'a gradient of another shape': (g) => attempt(g, { gradient: [3, 2] }),
    'a rate too few': (g) => attempt(g, { rates: [3] }),
  },
};
