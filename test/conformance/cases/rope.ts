import { rope } from '../../../src/graph/ops/rope.ts';
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

/** Rotation of the complex number x[i] + i·x[i + H/2] by position · theta^(−2i/H). */
function definition(
  x: Float32Array,
  positions_T: Int32Array,
  numHeads: number,
  size: number,
  theta: number,
  factors_P = new Float32Array(size / 2).fill(1),
) {
  const out = new Float64Array(x.length);
  positions_T.forEach((position, t) => {
    for (let n = 0; n < numHeads; n++) {
      for (let i = 0; i < size / 2; i++) {
        const re = (t * numHeads + n) * size + i;
        const im = re + size / 2;
        const angle = (position / factors_P[i]) * Math.exp((-2 * i * Math.log(theta)) / size);
        out[re] = x[re] * Math.cos(angle) - x[im] * Math.sin(angle);
        out[im] = x[im] * Math.cos(angle) + x[re] * Math.sin(angle);
      }
    }
  });
  return out;
}

/** Element i of every head at the place `to(i)`. */
function reordered(x: ArrayLike<number>, size: number, to: (i: number) => number): Float32Array {
  const out = new Float32Array(x.length);
  for (let at = 0; at < x.length; at++) out[at - (at % size) + to(at % size)] = x[at];
  return out;
}

export const suite: OpSuite = {
  cases: [
    {
      name: 'four values computed by hand',
      operands: [rows([T, 1, 4], [1, 2, 3, 4]), integers([T], [3])],
      build: ([x, positions]) => rope(x, positions, { theta: 1e7 }),
      bindings: { T: 1 },
      expected: [-1.41335252, 1.99620437, -2.82885748, 4.00189557],
    },
    {
      name: 'position 0 turns nothing',
      operands: [rows([T, 2, 2], [1, 2, 3, 4]), integers([T], [0])],
      build: ([x, positions]) => rope(x, positions, { theta: 1e7 }),
      bindings: { T: 1 },
      expected: [1, 2, 3, 4],
    },
    {
      // Frequencies of the released model, theta 1e7 and H 128, at i = 0, 1, 31, 32, 63 and position 1:
      // the first half of a head that is 1 there and 0 elsewhere turns into the cosines, the second into the sines.
      name: 'frequencies of the released model',
      operands: [rows([T, 1, 128], [...new Array(64).fill(1), ...new Array(64).fill(0)]), integers([T], [1])],
      build: ([x, positions]) => rope(x, positions, { theta: 1e7 }),
      bindings: { T: 1 },
      expected: (() => {
        const out = definition(
          Float32Array.from({ length: 128 }, (_, i) => (i < 64 ? 1 : 0)),
          Int32Array.of(1),
          1,
          128,
          1e7,
        );
        const frequencies: Record<number, number> = {
          0: 1,
          1: 0.7773650302387758,
          2: 0.6042963902381329,
          31: 4.0679443210830474e-4,
          32: 3.1622776601683794e-4,
          63: 1.2863969449369746e-7,
        };
        for (const [i, frequency] of Object.entries(frequencies)) {
          out[Number(i)] = Math.cos(frequency);
          out[Number(i) + 64] = Math.sin(frequency);
        }
        return out;
      })(),
    },
    ...randomCases(6, (random, index): OpCase => {
      const [numTokens, numHeads] = [between(random, 1, 6), between(random, 1, 4)];
      const size = 2 * between(random, 1, 24);
      const theta = [1e4, 1e7][index % 2];
      const x = normals(random, numTokens * numHeads * size);
      const positions = choices(random, numTokens, 2000);
      return {
        name: `[${numTokens},${numHeads},${size}], theta ${theta}`,
        operands: [rows([T, numHeads, size], x), integers([T], positions)],
        build: ([tensor, positions_T]) => rope(tensor, positions_T, { theta }),
        bindings: { T: numTokens },
        expected: definition(x, positions, numHeads, size, theta),
        // Angles of thousands of radians: another backend may compute them in f32 tables.
        backendTolerance: 1e-4,
      };
    }),
    {
      // Pairs (1, 2) and (3, 4) at position 3; the second turns by 3 · 1e7^(−1/2) radians.
      name: 'interleaved: four values computed by hand',
      operands: [rows([T, 1, 4], [1, 2, 3, 4]), integers([T], [3])],
      build: ([x, positions]) => rope(x, positions, { theta: 1e7, interleaved: true }),
      bindings: { T: 1 },
      expected: [-1.27223251, -1.83886499, 2.99620396, 4.00284425],
    },
    ...randomCases(8, (random, index): OpCase => {
      const [numTokens, numHeads] = [between(random, 1, 6), between(random, 1, 4)];
      const size = 2 * between(random, 1, 40);
      const [isInterleaved, hasFactors] = [index % 2 === 0, index % 4 < 3];
      const theta = 5e5;
      const x = normals(random, numTokens * numHeads * size);
      const positions = choices(random, numTokens, 2000);
      const factors = Float32Array.from({ length: size / 2 }, () => 1 + 7 * random.uniform());
      // Interleaved heads are half-split ones with their elements in another order.
      const halves = isInterleaved ? reordered(x, size, (i) => (i % 2) * (size / 2) + (i >> 1)) : x;
      const turned = definition(halves, positions, numHeads, size, theta, hasFactors ? factors : undefined);
      const attributes = { theta, ...(isInterleaved && { interleaved: true }) };
      return {
        name: `[${numTokens},${numHeads},${size}]${isInterleaved ? ', interleaved' : ''}${hasFactors ? ', factors' : ''}`,
        operands: [
          rows([T, numHeads, size], x),
          integers([T], positions),
          ...(hasFactors ? [weight([size / 2], factors)] : []),
        ],
        build: ([tensor, positions_T, factors_P]) =>
          factors_P
            ? rope(tensor, positions_T, factors_P, attributes)
            : rope(tensor, positions_T, attributes),
        bindings: { T: numTokens },
        expected: isInterleaved
          ? reordered(turned, size, (i) => (i < size / 2 ? 2 * i : 2 * i - size + 1))
          : turned,
        backendTolerance: 1e-4,
      };
    }),
  ],
  refuses: {
    'too few factors': (g) =>
      rope(g.weight('x', [2, 1, 4]), g.input('positions', [2]), g.weight('factors', [1]), { theta: 1e4 }),
    'heads of odd width': (g) => rope(g.weight('x', [2, 1, 3]), g.input('positions', [2]), { theta: 1e4 }),
    'a missing position': (g) => rope(g.weight('x', [2, 1, 4]), g.input('positions', [1]), { theta: 1e4 }),
    'rows without heads': (g) => rope(g.weight('x', [2, 4]), g.input('positions', [2]), { theta: 1e4 }),
  },
};
