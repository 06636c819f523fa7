import { causalAttention } from '../../../src/graph/ops/causal-attention.ts';
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

interface Sizes {
  readonly numHeads: number;
  readonly numKeyHeads: number;
  readonly headSize: number;
}

/** Softmax over the tokens s ≤ t of t's sequence, straight from the formula: exp(q·k/√H), normalised. */
function definition(
  [q, k, v]: readonly Float32Array[],
  sequences_T: Int32Array,
  { numHeads, numKeyHeads, headSize }: Sizes,
): number[] {
  const out: number[] = [];
  sequences_T.forEach((sequence, t) => {
    for (let n = 0; n < numHeads; n++) {
      const keyHead = Math.floor((n * numKeyHeads) / numHeads);
      const at = (s: number, i: number): number => (s * numKeyHeads + keyHead) * headSize + i;
      let total = 0;
      const mixed = new Array<number>(headSize).fill(0);
      for (let s = 0; s <= t; s++) {
        if (sequences_T[s] !== sequence) continue;
        let score = 0;
        for (let i = 0; i < headSize; i++) score += q[(t * numHeads + n) * headSize + i] * k[at(s, i)];
        const weight = Math.exp(score / Math.sqrt(headSize));
        total += weight;
        for (let i = 0; i < headSize; i++) mixed[i] += weight * v[at(s, i)];
      }
      out.push(...mixed.map((value) => value / total));
    }
  });
  return out;
}

function attentionCase(
  name: string,
  qkv: readonly Float32Array[],
  sequences: Int32Array,
  sizes: Sizes,
): OpCase {
  const { numHeads, numKeyHeads, headSize } = sizes;
  const [q, k, v] = qkv;
  return {
    name: `${name}: ${sequences.length} tokens, ${numHeads} heads over ${numKeyHeads} of ${headSize}`,
    operands: [
      rows([T, numHeads, headSize], q),
      rows([T, numKeyHeads, headSize], k),
      rows([T, numKeyHeads, headSize], v),
      integers([T], sequences),
    ],
    build: ([q_TNH, k_TGH, v_TGH, sequences_T]) => causalAttention(q_TNH, k_TGH, v_TGH, sequences_T),
    bindings: { T: sequences.length },
    expected: definition(qkv, sequences, sizes),
  };
}

export const suite: OpSuite = {
  cases: [
    {
      // Scores of the second token are ln 3 · √4/√4 and 0, so its weights are 3/4 and 1/4.
      ...attentionCase(
        'by hand',
        [
          Float32Array.of(0, 0, 0, 0, 2, 0, 0, 0),
          Float32Array.of(Math.log(3), 0, 0, 0, 0, 7, 0, 0),
          Float32Array.of(4, 8, 0, 0, 0, 4, 8, 0),
        ],
        Int32Array.of(0, 0),
        { numHeads: 1, numKeyHeads: 1, headSize: 4 },
      ),
      expected: [4, 8, 0, 0, 3, 7, 2, 0],
    },
    ...randomCases(8, (random, index) => {
      const numKeyHeads = between(random, 1, 3);
      const numHeads = numKeyHeads * between(random, 1, 4);
      const headSize = between(random, 1, 20);
      const numTokens = index === 0 ? 1 : between(random, 2, 40);
      const numSequences = index % 2 === 0 ? 1 : 4;
      const normal = (heads: number): Float32Array => normals(random, numTokens * heads * headSize);
      return attentionCase(
        numSequences === 1 ? 'one sequence' : 'packed sequences',
        [normal(numHeads).map((value) => 2 * value), normal(numKeyHeads), normal(numKeyHeads)],
        choices(random, numTokens, numSequences).sort(),
        { numHeads, numKeyHeads, headSize },
      );
    }),
    // As long as training's: several blocks of keys, and sequences that begin and end inside of blocks.
    ...randomCases(3, (random, index) => {
      const lengths = [
        [512, 88],
        [444, 130, 26],
        [7, 593],
      ][index];
      const numTokens = 600;
      const normal = (): Float32Array => normals(random, numTokens * 2 * 64);
      return attentionCase(
        'long sequences',
        [normal().map((value) => 2 * value), normal(), normal()],
        Int32Array.from(lengths.flatMap((length, sequence) => new Array<number>(length).fill(sequence))),
        { numHeads: 2, numKeyHeads: 2, headSize: 64 },
      );
    }),
  ],
  refuses: {
    'values of another shape than keys': (g) =>
      causalAttention(
        g.weight('q', [3, 4, 8]),
        g.weight('k', [3, 2, 8]),
        g.weight('v', [3, 2, 4]),
        g.input('s', [3]),
      ),
    'heads of another width': (g) =>
      causalAttention(
        g.weight('q', [3, 4, 8]),
        g.weight('k', [3, 2, 4]),
        g.weight('v', [3, 2, 4]),
        g.input('s', [3]),
      ),
    'heads that cannot share keys equally': (g) =>
      causalAttention(
        g.weight('q', [3, 4, 8]),
        g.weight('k', [3, 3, 8]),
        g.weight('v', [3, 3, 8]),
        g.input('s', [3]),
      ),
    'a token without a sequence': (g) =>
      causalAttention(
        g.weight('q', [3, 4, 8]),
        g.weight('k', [3, 2, 8]),
        g.weight('v', [3, 2, 8]),
        g.input('s', [2]),
      ),
  },
};
