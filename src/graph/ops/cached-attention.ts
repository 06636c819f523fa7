import { checkHeads } from '../attention-shapes.ts';
import { numElements, sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Positions in one page of the key/value cache, and the block in which attention walks the keys. */
export const PAGE_SIZE = 64;

/**
 * Causal attention of this step's tokens over everything cached for their sequences, themselves included.
 *
 * First writes k_TGH and v_TGH into the cells, then lets every query see positions 0…its own of its sequence.
 * q_TNH, k_TGH, v_TGH, positions_T, sequences_T (row of the page table), pages_BP (page numbers), and the layer's two
 * KV cache arrays [pages, G, PAGE_SIZE, H] -> TNH. Tokens of one sequence are consecutive, in ascending position.
 * Scores are scaled by 1/sqrt(H); N is a multiple of G, and query head n reads key head floor(n·G/N).
 */
export const cachedAttention = defineOp<
  [
    q_TNH: Tensor,
    k_TGH: Tensor,
    v_TGH: Tensor,
    positions_T: Tensor,
    sequences_T: Tensor,
    pages_BP: Tensor,
    keys: Tensor,
    values: Tensor,
  ]
>({
  name: 'cachedAttention',
  arity: 8,
  writesState: true,
  infer(inputs) {
    const [q, k, v, positions, sequences, , keys, values] = inputs;
    checkHeads('cachedAttention', inputs, q, k);
    check(
      sameDim(numElements(k.shape), numElements(v.shape)),
      'cachedAttention',
      inputs,
      'k and v must have one shape',
    );
    check(
      sameDim(positions.shape[0], q.shape[0]) && sameDim(sequences.shape[0], q.shape[0]),
      'cachedAttention',
      inputs,
      'one position and one sequence for each token',
    );
    for (const cells of [keys, values]) {
      check(
        cells.op === 'state' &&
          sameDim(cells.shape[1], k.shape[1]) &&
          cells.shape[2] === PAGE_SIZE &&
          sameDim(cells.shape[3], k.shape[2]),
        'cachedAttention',
        inputs,
        'the cells must be [pages, key heads, page, width]',
      );
    }
    return { shape: q.shape, type: 'f32' };
  },
  multiplies({ inputs: [[numTokens, numHeads, width], , , , , [numSequences]], numCached }) {
    // Every token sees what is cached, the new ones before it, and itself.
    const tokensEach = numTokens / numSequences;
    const numPairs = numSequences * (tokensEach * numCached + (tokensEach * (tokensEach + 1)) / 2);
    return 2 * numPairs * numHeads * width;
  },
  reads: ({ inputs: [, [, numKeyHeads, width], , , , [numSequences]], numCached }) =>
    numSequences * numCached * numKeyHeads * width,
});
