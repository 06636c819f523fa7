import { symbol } from '../graph/dim.ts';
import { cachedAttention, PAGE_SIZE } from '../graph/ops/cached-attention.ts';
import { type Graph, trace } from '../graph/tensor.ts';
import type { Dots1Config } from '../model/config.ts';
import { dots1, O, type Step, T } from '../model/dots1.ts';

/**
 * The model with attention over the paged cache. Inputs: `tokens`, `positions`, `sequences` [T], `outputRows` [O] and
 * `pages` [B, pagesPerSequence]; states `keys.n`, `values.n` [P pages, G, PAGE_SIZE, H]; output `logits` [O, V].
 */
export function inferenceGraph(config: Dots1Config, pagesPerSequence: number): Graph {
  return trace((graph) => {
    const positions_T = graph.input('positions', [T]);
    const sequences_T = graph.input('sequences', [T]);
    const pages_BP = graph.input('pages', [symbol('B'), pagesPerSequence]);
    const cellShape = [symbol('P'), config.numKeyValueHeads, PAGE_SIZE, config.headSize];
    const step: Step = {
      tokens_T: graph.input('tokens', [T]),
      positions_T,
      outputRows_O: graph.input('outputRows', [O]),
      attend(layer, q_TNH, k_TGH, v_TGH) {
        const keys = graph.state(`keys.${layer}`, cellShape);
        const values = graph.state(`values.${layer}`, cellShape);
        return cachedAttention(q_TNH, k_TGH, v_TGH, positions_T, sequences_T, pages_BP, keys, values);
      },
    };
    return { logits: dots1(graph, config, step) };
  });
}
