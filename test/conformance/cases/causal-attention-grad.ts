import { causalAttentionGrad } from '../../../src/graph/ops/causal-attention-grad.ts';
import type { GraphBuilder, Tensor } from '../../../src/graph/tensor.ts';
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

/** Gradients of causal attention for queries, keys and values, from the Jacobian of softmax written out in full. */
interface Gradients {
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
}

interface Step {
  readonly gradient: Float32Array;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly sequences_T: Int32Array;
  readonly numHeads: number;
  readonly numKeyHeads: number;
  readonly headSize: number;
}

/** Side by side, as the op gives them. */
function pack({ q, k, v }: Gradients, numTokens: number): number[] {
  const part = (all: ArrayLike<number>, t: number): number[] => {
    const width = all.length / numTokens;
    return Array.from(all).slice(t * width, (t + 1) * width);
  };
  return Array.from({ length: numTokens }, (_, t) => [...part(q, t), ...part(k, t), ...part(v, t)]).flat();
}

function definition(step: Step): Gradients {
  const { gradient, q, k, v, sequences_T, numHeads, numKeyHeads, headSize } = step;
  const out = {
    q: new Float64Array(q.length),
    k: new Float64Array(k.length),
    v: new Float64Array(v.length),
  };
  const inner = (a: Float32Array, aAt: number, b: Float32Array, bAt: number): number => {
    let sum = 0;
    for (let i = 0; i < headSize; i++) sum += a[aAt + i] * b[bAt + i];
    return sum;
  };
  sequences_T.forEach((sequence, t) => {
    for (let n = 0; n < numHeads; n++) {
      const at = (t * numHeads + n) * headSize;
      const keyHead = Math.floor((n * numKeyHeads) / numHeads);
      const seen: number[] = [];
      for (let s = 0; s <= t; s++) {
        if (sequences_T[s] === sequence) seen.push((s * numKeyHeads + keyHead) * headSize);
      }
      const raised = seen.map((key) => Math.exp(inner(q, at, k, key) / Math.sqrt(headSize)));
      const p = raised.map((value) => value / raised.reduce((a, b) => a + b));
      seen.forEach((key, s) => {
        // ∂p_u/∂score_s = p_u · (δ_us − p_s)
        const scoreGradient = seen.reduce((sum, other, u) => {
          return sum + inner(gradient, at, v, other) * p[u] * ((u === s ? 1 : 0) - p[s]);
        }, 0);
        for (let i = 0; i < headSize; i++) {
          out.q[at + i] += (scoreGradient * k[key + i]) / Math.sqrt(headSize);
          out.k[key + i] += (scoreGradient * q[at + i]) / Math.sqrt(headSize);
          out.v[key + i] += p[s] * gradient[at + i];
        }
      });
    }
  });
  return out;
}

function makeCase(name: string, step: Step): OpCase {
  const { numHeads, numKeyHeads, headSize, sequences_T } = step;
  return {
    name: `${name}: ${sequences_T.length} tokens, ${numHeads} heads over ${numKeyHeads} of ${headSize}`,
    operands: [
      rows([T, numHeads, headSize], step.gradient),
      rows([T, numHeads, headSize], step.q),
      rows([T, numKeyHeads, headSize], step.k),
      rows([T, numKeyHeads, headSize], step.v),
      integers([T], sequences_T),
    ],
    build: ([gradient, q, k, v, sequences]) => causalAttentionGrad(gradient, q, k, v, sequences),
    bindings: { T: sequences_T.length },
    expected: pack(definition(step), sequences_T.length),
    // Weight gradients nearly cancel where one key takes all attention.
    tolerance: 1e-5,
    backendTolerance: 1e-4,
  };
}

function attempt(
  g: GraphBuilder,
  shapes: Partial<Record<'gradient' | 'q' | 'k' | 'v' | 'sequences', number[]>>,
): Tensor {
  const { gradient = [3, 4, 8], q = [3, 4, 8], k = [3, 2, 8], v = [3, 2, 8], sequences = [3] } = shapes;
  return causalAttentionGrad(
    g.weight('gradient', gradient),
    g.weight('q', q),
    g.weight('k', k),
    g.weight('v', v),
    g.input('sequences', sequences),
  );
}

export const suite: OpSuite = {
  cases: [
    {
      // The second token's weights are 3/4 and 1/4 and only the first value counts: scores move by ±3/16, ∓ for keys.
      ...makeCase('by hand', {
        gradient: Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0),
        q: Float32Array.of(0, 0, 0, 0, 2, 0, 0, 0),
        k: Float32Array.of(Math.log(3), 0, 0, 0, 0, 7, 0, 0),
        v: Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0),
        sequences_T: Int32Array.of(0, 0),
        numHeads: 1,
        numKeyHeads: 1,
        headSize: 4,
      }),
      expected: pack(
        {
          q: [0, 0, 0, 0, (3 / 32) * Math.log(3), -21 / 32, 0, 0],
          k: [3 / 16, 0, 0, 0, -3 / 16, 0, 0, 0],
          v: [3 / 4, 0, 0, 0, 1 / 4, 0, 0, 0],
        },
        2,
      ),
    },
    ...randomCases(7, (random, index) => {
      const numKeyHeads = between(random, 1, 3);
      const numHeads = numKeyHeads * between(random, 1, 4);
      const headSize = between(random, 1, 20);
      const numTokens = index === 0 ? 1 : between(random, 2, 30);
      const normal = (heads: number): Float32Array => normals(random, numTokens * heads * headSize);
      return makeCase(index % 2 === 0 ? 'one sequence' : 'packed sequences', {
        gradient: normal(numHeads),
        q: normal(numHeads).map((value) => 2 * value),
        k: normal(numKeyHeads),
        v: normal(numKeyHeads),
        sequences_T: choices(random, numTokens, index % 2 === 0 ? 1 : 4).sort(),
        numHeads,
        numKeyHeads,
        headSize,
      });
    }),
    // Wider than a panel of columns, and longer than a block of queries, so that a block sees some of the keys packed with it.
    ...randomCases(2, (random, index) => {
      const lengths = [[80, 70], [150]][index];
      const normal = (): Float32Array => normals(random, 150 * 40);
      return makeCase('long sequences', {
        gradient: normal(),
        q: normal(),
        k: normal(),
        v: normal(),
        sequences_T: Int32Array.from(
          lengths.flatMap((length, sequence) => new Array<number>(length).fill(sequence)),
        ),
        numHeads: 1,
        numKeyHeads: 1,
        headSize: 40,
      });
    }),
  ],
  refuses: {
    'a gradient of another shape than the queries': (g) => attempt(g, { gradient: [3, 2, 8] }),
    'rows without heads': (g) => attempt(g, { q: [3, 32], gradient: [3, 32] }),
    'heads that cannot share keys equally': (g) => attempt(g, { q: [3, 3, 8], gradient: [3, 3, 8] }),
    'keys of another width': (g) => attempt(g, { k: [3, 2, 4] }),
    'values of another shape': (g) => attempt(g, { v: [3, 1, 8] }),
    'a token without a sequence': (g) => attempt(g, { sequences: [2] }),
  },
};
