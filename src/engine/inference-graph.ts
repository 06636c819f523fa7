import { symbol } from '../graph/dim.ts';
import { cachedAttention, PAGE_SIZE } from '../graph/ops/cached-attention.ts';
import { takeRows } from '../graph/ops/take-rows.ts';
import { type Graph, type Tensor, trace } from '../graph/tensor.ts';
import type { Dots1Config } from '../model/config.ts';
import { dots1, O, type Step, T } from '../model/dots1.ts';

/**
 * The model with attention over the paged cache. Inputs: `tokens`, `positions`, `sequences` [T], `outputRows` [O] and
 * `pages` [B, pagesPerSequence]; states `keys.n`, `values.n` [P pages, G, PAGE_SIZE, H]; outputs `logits` [O, V] and, for
 * each layer n with experts, `experts.n` [O, K]: where the rows were routed, best expert first.
 */
export function inferenceGraph(config: Dots1Config, pagesPerSequence: number): Graph {
  return trace((graph) => {
    const positions_T = graph.input('positions', [T]);
    const sequences_T = graph.input('sequences', [T]);
    const pages_BP = graph.input('pages', [symbol('B'), pagesPerSequence]);
    const cellShape = [symbol('P'), config.numKeyValueHeads, PAGE_SIZE, config.headSize];
    const tokens_T = graph.input('tokens', [T]);
    const outputRows_O = graph.input('outputRows', [O]);
    const routed: Record<string, Tensor> = {};
    const step: Step = {
      tokens_T,
      positions_T,
      outputRows_O,
      attend(layer, q_TNH, k_TGH, v_TGH) {
        const keys = graph.state(`keys.${layer}`, cellShape);
        const values = graph.state(`values.${layer}`, cellShape);
        return cachedAttention(q_TNH, k_TGH, v_TGH, positions_T, sequences_T, pages_BP, keys, values);
      },
      onRouted(layer, experts_TK) {
        routed[`experts.${layer}`] = takeRows(experts_TK, outputRows_O);
      },
    };
    return { logits: dots1(graph, config, step), ...routed };
  });
}
