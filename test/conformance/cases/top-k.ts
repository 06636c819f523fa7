import { topK } from '../../../src/graph/ops/top-k.ts';
import { between, choices, type OpSuite, randomCases, rows, T } from '../op-case.ts';

/** k times: the first column that no column left over exceeds. */
function definition(x: Float32Array, width: number, k: number): number[] {
  const out: number[] = [];
  for (let start = 0; start < x.length; start += width) {
    const left = new Set(Array.from({ length: width }, (_, column) => column));
    for (let slot = 0; slot < k; slot++) {
      let best = -1;
      for (const column of left) if (best < 0 || x[start + column] > x[start + best]) best = column;
      left.delete(best);
      out.push(best);
    }
  }
  return out;
}

export const suite: OpSuite = {
  cases: [
    {
      name: 'the worked router example, biased scores',
      operands: [rows([T, 8], [0.622459, 0.768941, 0.480797, 0.8, 0.631059, 0.577541, 0.562177, 1.019203])],
      build: ([x]) => topK(x, { k: 3 }),
      bindings: { T: 1 },
      expected: [7, 3, 1],
    },
    {
      name: 'ties go to the lower column',
      operands: [rows([T, 5], [1, 2, 2, 1, 2, 0, 0, 0, 0, 0])],
      build: ([x]) => topK(x, { k: 4 }),
      bindings: { T: 2 },
      expected: [1, 2, 4, 0, 0, 1, 2, 3],
    },
    {
      name: 'what was ruled out comes last',
      operands: [rows([T, 4], [-Infinity, -3, -Infinity, -5])],
      build: ([x]) => topK(x, { k: 3 }),
      bindings: { T: 1 },
      expected: [1, 3, 0],
    },
    ...randomCases(5, (random) => {
      const [numTokens, width] = [between(random, 1, 9), between(random, 1, 130)];
      const k = between(random, 1, Math.min(width, 8));
      // Few different values, so that ties are common.
      const x = Float32Array.from(choices(random, numTokens * width, 20), (value) => value - 10);
      return {
        name: `${k} of [${numTokens},${width}]`,
        operands: [rows([T, width], x)],
        build: ([tensor]) => topK(tensor, { k }),
        bindings: { T: numTokens },
        expected: definition(x, width, k),
      };
    }),
  ],
  refuses: {
    'more columns than there are': (g) => topK(g.weight('x', [2, 4]), { k: 5 }),
    'no column at all': (g) => topK(g.weight('x', [2, 4]), { k: 0 }),
    'a list instead of rows': (g) => topK(g.weight('x', [4]), { k: 1 }),
  },
};
