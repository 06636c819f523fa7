import type { Random } from '../../../src/core/random.ts';
import { muon } from '../../../src/graph/ops/muon.ts';
import type { GraphBuilder, Tensor } from '../../../src/graph/tensor.ts';
import { floats, normals, type OpCase, type OpSuite, randomCases, stored } from '../op-case.ts';

function attempt(
  g: GraphBuilder,
  shapes: { parameter?: number[]; mean?: number[]; rates?: number[] },
): Tensor {
  const shape = shapes.parameter ?? [2, 3];
  return muon(
    g.state('parameter', shape),
    g.state('gradient', shape),
    g.state('mean', shapes.mean ?? shape),
    g.input('rates', shapes.rates ?? [4], 'f32'),
    { momentum: 0.9, decay: 0.1 },
  );
}

/** `count` rows of length `length` that are orthogonal to each other and one long; count ≤ length. */
function orthogonalRows(random: Random, count: number, length: number): Float64Array[] {
  const rows: Float64Array[] = [];
  while (rows.length < count) {
    const row = Float64Array.from(normals(random, length));
    for (const other of rows) {
      const along = row.reduce((sum, value, i) => sum + value * other[i], 0);
      other.forEach((value, i) => {
        row[i] -= along * value;
      });
    }
    const norm = Math.hypot(...row);
    rows.push(row.map((value) => value / norm));
  }
  return rows;
}

/** Σ values[k] · left[k] right[k]ᵀ: a matrix with these singular values. */
function fromSingularValues(
  left: Float64Array[],
  right: Float64Array[],
  values: readonly number[],
): Float64Array {
  const [rows, cols] = [left[0].length, right[0].length];
  const matrix = new Float64Array(rows * cols);
  for (const [k, value] of values.entries())
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < cols; j++) matrix[i * cols + j] += value * left[k][i] * right[k][j];
  return matrix;
}

/** What the iteration does to one singular value of a matrix whose norm is 1. */
function towardsOne(value: number): number {
  for (let i = 0; i < 5; i++) value = 3.4445 * value - 4.775 * value ** 3 + 2.0315 * value ** 5;
  return value;
}

const SHAPES = [
  [5, 7],
  [7, 5],
  [16, 16],
  [1, 9],
  [33, 20],
  [20, 70],
] as const;

export const suite: OpSuite = {
  cases: [
    {
      name: 'a gradient of zeros moves nothing but by decay',
      operands: [
        stored([2, 1], [1, -2]),
        stored([2, 1], [0, 0]),
        stored([2, 1], [0, 0]),
        floats([4], [0.25, 1, 0, 0]),
      ],
      build: ([p, g, m, rates]) => muon(p, g, m, rates, { momentum: 0.5, decay: 0.5 }),
      bindings: {},
      expected: [0, 0.875, -1.75, 0, 0, 0, 0],
    },
    ...randomCases(2 * SHAPES.length, (random, index): OpCase => {
      const [rows, cols] = SHAPES[index % SHAPES.length];
      const numMatrices = index < SHAPES.length ? 1 : 3;
      const shape = numMatrices === 1 ? [rows, cols] : [numMatrices, rows, cols];
      const rank = Math.min(rows, cols);
      const [momentum, decay, clip, rate] = [0.5, 0.1, 0.5, 0.25];
      const [gradients, means, steps]: number[][] = [[], [], []];
      for (let n = 0; n < numMatrices; n++) {
        // The mean is a multiple of the gradient, so that what is orthogonalised has known directions.
        const [left, right] = [orthogonalRows(random, rank, rows), orthogonalRows(random, rank, cols)];
        const values = Array.from({ length: rank }, () => 0.05 + Math.abs(random.normal()));
        const norm = Math.hypot(...values);
        const gradient = fromSingularValues(left, right, values);
        gradients.push(...gradient);
        means.push(...gradient.map((value) => 0.25 * value));
        steps.push(
          ...fromSingularValues(
            left,
            right,
            values.map((value) => towardsOne(value / norm)),
          ),
        );
      }
      const parameters = normals(random, gradients.length);
      const length = rate * 0.2 * Math.sqrt(Math.max(rows, cols));
      return {
        name: `${shape.join(' x ')}, known singular values`,
        operands: [
          stored(shape, parameters),
          stored(shape, gradients),
          stored(shape, means),
          floats([4], [rate, clip, 0, 0]),
        ],
        build: ([p, g, m, rates_4]) => muon(p, g, m, rates_4, { momentum, decay }),
        bindings: {},
        expected: [
          0,
          ...parameters.map((value, i) => value * (1 - rate * decay) - length * steps[i]),
          ...gradients.map(() => 0),
          ...means.map((mean, i) => momentum * mean + clip * gradients[i]),
        ],
        // Small singular values grow up to 3.4445⁵ times, and with them what rounding did to them.
        tolerance: 2e-5,
        backendTolerance: 1e-4,
      };
    }),
  ],
  refuses: {
    'a mean of another shape': (g) => attempt(g, { mean: [3, 2] }),
    'a vector': (g) => attempt(g, { parameter: [6] }),
    'a rate too few': (g) => attempt(g, { rates: [3] }),
  },
};
