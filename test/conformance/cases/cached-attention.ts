import type { Random } from '../../../src/core/random.ts';
import { storageTypeByName } from '../../../src/dtype/index.ts';
import { storageBytes } from '../../../src/dtype/storage-type.ts';
import { symbol } from '../../../src/graph/dim.ts';
import { cachedAttention, PAGE_SIZE } from '../../../src/graph/ops/cached-attention.ts';
import type { GraphBuilder, Tensor } from '../../../src/graph/tensor.ts';
import { integers, normals, type OpCase, type OpSuite, randomCases, rows, state, T } from '../op-case.ts';

const [B, P] = [symbol('B'), symbol('P')];

/** What each step brings: the sequence and how many of its next tokens. */
type Plan = readonly (readonly (readonly [sequence: number, count: number])[])[];

interface Sizes {
  readonly numHeads: number;
  readonly numKeyHeads: number;
  readonly headSize: number;
}

/** Every token over all tokens of its sequence up to its own position, in whatever steps they came. */
function definition(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  tokens: readonly { sequence: number; position: number }[],
  { numHeads, numKeyHeads, headSize }: Sizes,
): number[] {
  const out: number[] = [];
  tokens.forEach(({ sequence, position }, t) => {
    for (let n = 0; n < numHeads; n++) {
      const keyHead = Math.floor((n * numKeyHeads) / numHeads);
      let total = 0;
      const mixed = new Array<number>(headSize).fill(0);
      tokens.forEach((other, s) => {
        if (other.sequence !== sequence || other.position > position) return;
        const at = (s * numKeyHeads + keyHead) * headSize;
        let score = 0;
        for (let i = 0; i < headSize; i++) score += q[(t * numHeads + n) * headSize + i] * k[at + i];
        const weight = Math.exp(score / Math.sqrt(headSize));
        total += weight;
        for (let i = 0; i < headSize; i++) mixed[i] += weight * v[at + i];
      });
      out.push(...mixed.map((value) => value / total));
    }
  });
  return out;
}

function cachedCase(name: string, random: Random, plan: Plan, sizes: Sizes, stateType = 'f32'): OpCase {
  const { numHeads, numKeyHeads, headSize } = sizes;
  const lengths = new Map<number, number>();
  const tokens = plan.flat().flatMap(([sequence, count]) =>
    Array.from({ length: count }, () => {
      const position = lengths.get(sequence) ?? 0;
      lengths.set(sequence, position + 1);
      return { sequence, position };
    }),
  );
  const numTokens = tokens.length;
  const numSequences = lengths.size;
  const pagesPerSequence = Math.ceil(Math.max(...lengths.values()) / PAGE_SIZE);
  // Pages in disorder, and one at each end that belongs to nobody.
  const numPages = numSequences * pagesPerSequence + 2;
  const pages = Array.from({ length: numPages - 2 }, (_, page) => page + 1);
  for (let i = pages.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [pages[i], pages[j]] = [pages[j], pages[i]];
  }
  const q = normals(random, numTokens * numHeads * headSize).map((value) => 2 * value);
  const k = normals(random, numTokens * numKeyHeads * headSize);
  const v = normals(random, numTokens * numKeyHeads * headSize);
  return {
    name: `${name}: ${numHeads} heads over ${numKeyHeads} of ${headSize}, ${stateType} cells`,
    operands: [
      rows([T, numHeads, headSize], q),
      rows([T, numKeyHeads, headSize], k),
      rows([T, numKeyHeads, headSize], v),
      integers(
        [T],
        Int32Array.from(tokens, ({ position }) => position),
      ),
      integers(
        [T],
        Int32Array.from(tokens, ({ sequence }) => sequence),
      ),
      integers([B, pagesPerSequence], pages),
      state([P, numKeyHeads, PAGE_SIZE, headSize]),
      state([P, numKeyHeads, PAGE_SIZE, headSize]),
    ],
    build: ([q_TNH, k_TGH, v_TGH, positions_T, sequences_T, pages_BP, keys, values]) =>
      cachedAttention(q_TNH, k_TGH, v_TGH, positions_T, sequences_T, pages_BP, keys, values),
    bindings: { T: numTokens, B: numSequences, P: numPages },
    steps: plan.map((step) => step.reduce((sum, [, count]) => sum + count, 0)),
    stateType,
    // Backends may divide by the scale before or after it is rounded: a code at a border then differs by one of 127.
    ...(stateType === 'q8_0' ? { backendTolerance: 1e-2 } : {}),
    expected: definition(q, stored(k, headSize, stateType), stored(v, headSize, stateType), tokens, sizes),
  };
}

/** What is left of rows after they were stored in cells. */
function stored(values: Float32Array, rowSize: number, typeName: string): Float32Array {
  const type = storageTypeByName(typeName);
  const bytes = new Uint8Array(storageBytes(type, rowSize));
  const out = new Float32Array(values.length);
  for (let at = 0; at < values.length; at += rowSize) {
    type.encodeRow?.(values, at, bytes, 0, rowSize);
    type.decode(bytes, 0, out, at, rowSize);
  }
  return out;
}

interface Shapes {
  readonly q?: number[];
  readonly k?: number[];
  readonly positions?: number[];
  readonly cells?: number[];
}

function attempt(g: GraphBuilder, shapes: Shapes): Tensor {
  const { q = [3, 4, 8], k = [3, 2, 8], positions = [3], cells = [5, 2, PAGE_SIZE, 8] } = shapes;
  return cachedAttention(
    g.weight('q', q),
    g.weight('k', k),
    g.weight('v', [3, 2, 8]),
    g.input('positions', positions),
    g.input('sequences', [3]),
    g.input('pages', [1, 1]),
    g.state('keys', cells),
    g.state('values', cells),
  );
}

export const suite: OpSuite = {
  cases: [
    ...randomCases(1, (random) =>
      cachedCase('one token', random, [[[0, 1]]], { numHeads: 2, numKeyHeads: 1, headSize: 16 }),
    ),
    ...randomCases(3, (random, index) =>
      cachedCase(
        'three sequences in four steps, one over two pages',
        random,
        [
          [
            [0, 5],
            [1, 3],
          ],
          [
            [1, 70],
            [2, 1],
          ],
          [
            [0, 1],
            [1, 1],
            [2, 1],
          ],
          [[2, 20]],
        ],
        { numHeads: 4, numKeyHeads: 2, headSize: 32 },
        ['f32', 'f16', 'q8_0'][index],
      ),
    ),
    ...randomCases(3, (random, index) =>
      cachedCase(
        'a page filled to its end, then decoding',
        random,
        [[[0, PAGE_SIZE - 1]], [[0, 1]], [[0, 1]], [[0, 1]]],
        [
          { numHeads: 1, numKeyHeads: 1, headSize: 8 },
          { numHeads: 6, numKeyHeads: 2, headSize: 48 },
          { numHeads: 3, numKeyHeads: 3, headSize: 128 },
        ][index],
      ),
    ),
  ],
  refuses: {
    'keys of another shape than values': (g) => attempt(g, { k: [3, 4, 8] }),
    'rows without heads': (g) => attempt(g, { q: [3, 32] }),
    'heads that cannot share keys equally': (g) => attempt(g, { q: [3, 3, 8] }),
    'heads of another width than keys': (g) => attempt(g, { q: [3, 4, 16] }),
    'a token without a position': (g) => attempt(g, { positions: [2] }),
    'pages of another size': (g) => attempt(g, { cells: [5, 2, 32, 8] }),
    'cells for another number of heads': (g) => attempt(g, { cells: [5, 4, PAGE_SIZE, 8] }),
  },
};
