import { add } from '../../../src/graph/ops/add.ts';
import { between, normals, type OpSuite, randomCases, rows, T, weight } from '../op-case.ts';

export const suite: OpSuite = {
  cases: [
    {
      name: 'a tensor to itself',
      operands: [rows([T, 2], [1, 2, 3, -4])],
      build: ([a]) => add(a, a),
      bindings: { T: 2 },
      expected: [2, 4, 6, -8],
    },
    {
      name: 'a matrix to every token',
      operands: [rows([T, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), rows([2, 2], [10, 20, 30, 40])],
      build: ([a, b]) => add(a, b),
      bindings: { T: 2 },
      expected: [11, 22, 33, 44, 15, 26, 37, 48],
    },
    {
      name: 'a bias to one row',
      operands: [rows([T, 3], [1, 2, 3]), weight([3], [0.5, -2, 0])],
      build: ([a, b]) => add(a, b),
      bindings: { T: 1 },
      expected: [1.5, 0, 3],
    },
    ...randomCases(6, (random, index) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 70)];
      const isBias = index % 2 === 1;
      const a = normals(random, numTokens * width);
      const b = normals(random, isBias ? width : numTokens * width);
      return {
        name: `[${numTokens},${width}] + ${isBias ? 'bias' : 'equal shape'}`,
        operands: [rows([T, width], a), isBias ? weight([width], b) : rows([T, width], b)],
        build: ([left, right]) => add(left, right),
        bindings: { T: numTokens },
        expected: a.map((value, i) => value + b[isBias ? i % width : i]),
      };
    }),
  ],
  refuses: {
    'a bias of another width': (g) => add(g.weight('a', [2, 4]), g.weight('b', [3])),
    'a second operand of higher rank': (g) => add(g.weight('a', [4]), g.weight('b', [2, 4])),
    'a column where a row belongs': (g) => add(g.weight('a', [2, 4]), g.weight('b', [2, 1])),
  },
};
