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
} from '../op-case.ts';

/** Rotation of the complex number x[i] + i·x[i + H/2] by position · theta^(−2i/H). */
function definition(x: Float32Array, positions_T: Int32Array, numHeads: number, size: number, theta: number) {
  const out = new Float64Array(x.length);
  positions_T.forEach((position, t) => {
    for (let n = 0; n < numHeads; n++) {
      for (let i = 0; i < size / 2; i++) {
        const re = (t * numHeads + n) * size + i;
        const im = re + size / 2;
        const angle = position * Math.exp((-2 * i * Math.log(theta)) / size);
        out[re] = x[re] * Math.cos(angle) - x[im] * Math.sin(angle);
        out[im] = x[im] * Math.cos(angle) + x[re] * Math.sin(angle);
      }
    }
  });
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
  ],
  refuses: {
    'heads of odd width': (g) => rope(g.weight('x', [2, 1, 3]), g.input('positions', [2]), { theta: 1e4 }),
    'a missing position': (g) => rope(g.weight('x', [2, 1, 4]), g.input('positions', [1]), { theta: 1e4 }),
    'rows without heads': (g) => rope(g.weight('x', [2, 4]), g.input('positions', [2]), { theta: 1e4 }),
  },
};
