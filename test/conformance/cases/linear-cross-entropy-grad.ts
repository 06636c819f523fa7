import { linearCrossEntropyGrad } from '../../../src/graph/ops/linear-cross-entropy-grad.ts';
import type { GraphBuilder, Tensor } from '../../../src/graph/tensor.ts';
import {
  between,
  choices,
  floats,
  integers,
  normals,
  type OpCase,
  type OpSuite,
  randomCases,
  rows,
  stored,
  T,
  weight,
} from '../op-case.ts';

interface Problem {
  readonly sum: Float32Array;
  readonly x: Float32Array;
  readonly matrix: Float32Array;
  readonly targets: Int32Array;
  readonly weights: Float32Array;
}

/** From the logits of all rows at once: what the op must never hold. */
function definition({ sum, x, matrix, targets, weights }: Problem): number[] {
  const width = x.length / targets.length;
  const numWords = matrix.length / width;
  const after = Float64Array.from(sum);
  const out: number[] = [];
  targets.forEach((target, t) => {
    const weight = target < 0 ? 0 : weights[t];
    const row = x.subarray(t * width, (t + 1) * width);
    const raised = Array.from({ length: numWords }, (_, v) =>
      Math.exp(row.reduce((total, value, i) => total + value * matrix[v * width + i], 0)),
    );
    const total = raised.reduce((a, b) => a + b);
    const gradient = new Float64Array(width);
    raised.forEach((value, v) => {
      const d = weight * (value / total - (v === target ? 1 : 0));
      for (let i = 0; i < width; i++) {
        gradient[i] += d * matrix[v * width + i];
        after[v * width + i] += d * row[i];
      }
    });
    out.push(...gradient, weight === 0 ? 0 : -weight * Math.log(raised[target] / total));
  });
  return [...out, ...after];
}

function problemCase(name: string, problem: Problem): OpCase {
  const { sum, x, matrix, targets, weights } = problem;
  const width = x.length / targets.length;
  const numWords = matrix.length / width;
  return {
    name: `${name}: ${targets.length} rows of ${width}, ${numWords} words`,
    operands: [
      stored([numWords, width], sum),
      rows([T, width], x),
      weight([numWords, width], matrix),
      integers([T], targets),
      floats([T], weights),
    ],
    build: ([sum_VD, x_TD, weight_VD, targets_T, weights_T]) =>
      linearCrossEntropyGrad(sum_VD, x_TD, weight_VD, targets_T, weights_T),
    bindings: { T: targets.length },
    expected: definition(problem),
  };
}

function attempt(g: GraphBuilder, shapes: { sum?: number[]; weight?: number[]; targets?: number[] }): Tensor {
  return linearCrossEntropyGrad(
    g.state('sum', shapes.sum ?? [20, 8]),
    g.weight('x', [3, 8]),
    g.weight('weight', shapes.weight ?? [20, 8]),
    g.input('targets', shapes.targets ?? [3]),
    g.input('weights', [3], 'f32'),
  );
}

export const suite: OpSuite = {
  cases: [
    {
      ...problemCase('by hand: probabilities 3/4 and 1/4', {
        sum: Float32Array.of(10, 20, 30, 40),
        x: Float32Array.of(Math.log(3), 0, 5, 5),
        matrix: Float32Array.of(1, 0, 0, 1),
        targets: Int32Array.of(1, -1),
        weights: Float32Array.of(2, 1),
      }),
      expected: [
        ...[1.5, -1.5, 2 * Math.log(4), 0, 0, 0],
        ...[10 + 1.5 * Math.log(3), 20, 30 - 1.5 * Math.log(3), 40],
      ],
    },
    problemCase('nothing to predict changes nothing', {
      sum: Float32Array.of(1, 2, 3),
      x: Float32Array.of(1, 2),
      matrix: Float32Array.of(1, 2, 3),
      targets: Int32Array.of(-1, 2),
      weights: Float32Array.of(1, 0),
    }),
    ...randomCases(6, (random, index): OpCase => {
      const numTokens = index === 0 ? 1 : between(random, 2, 70);
      const [width, numWords] = [between(random, 1, 40), between(random, 1, 300)];
      return problemCase('random', {
        sum: normals(random, numWords * width),
        x: normals(random, numTokens * width),
        matrix: normals(random, numWords * width),
        targets: choices(random, numTokens, numWords + 1).map((target) => target - 1),
        weights: Float32Array.from(choices(random, numTokens, 3), (value) => value / 2),
      });
    }),
  ],
  refuses: {
    'a sum of another shape': (g) => attempt(g, { sum: [8, 20] }),
    'a matrix of another width': (g) => attempt(g, { weight: [20, 7] }),
    'a missing target': (g) => attempt(g, { targets: [2] }),
  },
};
