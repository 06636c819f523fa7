import { rope } from '../../../src/graph/ops/rope.ts';
import { ropeGrad } from '../../../src/graph/ops/rope-grad.ts';
import {
  between,
  choices,
  integers,
  normals,
  type OpCase,
  type OpSuite,
  randomCases,
  rows,
  T,
  weight,
} from '../op-case.ts';

/** The transpose of the rotation matrix [[cos, −sin], [sin, cos]] on elements i and i + H/2. */
function definition(
  gradient: Float32Array,
  positions_T: Int32Array,
  numHeads: number,
  size: number,
  theta: number,
) {
  const out = new Float64Array(gradient.length);
  for (let at = 0; at < gradient.length; at++) {
    const i = at % size;
    const half = size / 2;
    const position = positions_T[Math.floor(at / (numHeads * size))];
    const angle = position * theta ** ((-2 * (i % half)) / size);
    const other = i < half ? Math.sin(angle) * gradient[at + half] : -Math.sin(angle) * gradient[at - half];
    out[at] = Math.cos(angle) * gradient[at] + other;
  }
  return out;
}

export const suite: OpSuite = {
  cases: [
    {
      name: 'takes back what rope did by hand',
      operands: [rows([T, 1, 4], [-1.41335252, 1.99620437, -2.82885748, 4.00189557]), integers([T], [3])],
      build: ([gradient, positions]) => ropeGrad(gradient, positions, { theta: 1e7 }),
      bindings: { T: 1 },
      expected: [1, 2, 3, 4],
    },
    ...randomCases(5, (random, index): OpCase => {
      const [numTokens, numHeads, size] = [
        between(random, 1, 6),
        between(random, 1, 4),
        2 * between(random, 1, 24),
      ];
      const theta = [1e4, 1e7][index % 2];
      const gradient = normals(random, numTokens * numHeads * size);
      const positions = choices(random, numTokens, 2000);
      return {
        name: `[${numTokens},${numHeads},${size}], theta ${theta}`,
        operands: [rows([T, numHeads, size], gradient), integers([T], positions)],
        build: ([gradient_TNH, positions_T]) => ropeGrad(gradient_TNH, positions_T, { theta }),
        bindings: { T: numTokens },
        expected: definition(gradient, positions, numHeads, size, theta),
        backendTolerance: 1e-4,
      };
    }),
    ...randomCases(2, (random, index): OpCase => {
      const x = normals(random, 5 * 2 * 8);
      const attributes = { theta: 1e4, ...(index === 1 && { interleaved: true }) };
      return {
        name: `after rope gives back what went in${index === 1 ? ', interleaved' : ''}`,
        operands: [rows([T, 2, 8], x), integers([T], [0, 1, 20, 300, 4000])],
        build: ([x_TNH, positions]) => ropeGrad(rope(x_TNH, positions, attributes), positions, attributes),
        bindings: { T: 5 },
        expected: x,
        backendTolerance: 1e-4,
      };
    }),
    ...randomCases(2, (random, index): OpCase => {
      const x = normals(random, 5 * 2 * 36);
      const attributes = { theta: 1e4, ...(index === 1 && { interleaved: true }) };
      return {
        name: `after rope with factors gives back what went in${index === 1 ? ', interleaved' : ''}`,
        operands: [
          rows([T, 2, 36], x),
          integers([T], [0, 1, 20, 300, 4000]),
          weight(
            [18],
            Array.from({ length: 18 }, () => 1 + 7 * random.uniform()),
          ),
        ],
        build: ([x_TNH, positions, factors]) =>
          ropeGrad(rope(x_TNH, positions, factors, attributes), positions, factors, attributes),
        bindings: { T: 5 },
        expected: x,
        backendTolerance: 1e-4,
      };
    }),
  ],
  refuses: {
    'too many factors': (g) =>
      ropeGrad(g.weight('x', [2, 1, 4]), g.input('positions', [2]), g.weight('factors', [3]), { theta: 1e4 }),
    'heads of odd width': (g) =>
      ropeGrad(g.weight('x', [2, 1, 3]), g.input('positions', [2]), { theta: 1e4 }),
    'a missing position': (g) =>
      ropeGrad(g.weight('x', [2, 1, 4]), g.input('positions', [1]), { theta: 1e4 }),
  },
};
