import type { StorageType } from '../dtype/storage-type.ts';
import { storageBytes } from '../dtype/storage-type.ts';
import { evaluateShape, symbol } from '../graph/dim.ts';
import { cachedAttention, PAGE_SIZE } from '../graph/ops/cached-attention.ts';
import { linear } from '../graph/ops/linear.ts';
import { takeRows } from '../graph/ops/take-rows.ts';
import { type Graph, type Tensor, trace } from '../graph/tensor.ts';
import { type ModelConfig, O, type Step, T } from '../model/architecture.ts';
import { head, hidden } from '../model/forward.ts';

/**
 * The model with attention over the paged cache. Inputs: `tokens`, `positions`, `sequences` [T], `outputRows` [O] and
 * `pages` [B, pagesPerSequence]; states `keys.n`, `values.n` [P pages, G, PAGE_SIZE, H]; outputs `logits` [O, V], `hidden` [O, D],
 * which the output matrix multiplies, and, for each layer n with experts, `experts.n` [O, K]: where the rows were routed, best
 * expert first.
 */
export function inferenceGraph(config: ModelConfig, pagesPerSequence: number): Graph {
  return trace((graph) => {
    const positions_T = graph.input('positions', [T]);
    const sequences_T = graph.input('sequences', [T]);
    const pages_BP = graph.input('pages', [symbol('B'), pagesPerSequence]);
    const tokens_T = graph.input('tokens', [T]);
    const outputRows_O = graph.input('outputRows', [O]);
    const routed: Record<string, Tensor> = {};
    const step: Step = {
      tokens_T,
      positions_T,
      outputRows_O,
      attend(layer, q_TNH, k_TGH, v_TGH) {
        const [, numHeads, headSize] = k_TGH.shape;
        const cells = [symbol('P'), numHeads, PAGE_SIZE, headSize];
        const keys = graph.state(`keys.${layer}`, cells);
        const values = graph.state(`values.${layer}`, cells);
        return cachedAttention(q_TNH, k_TGH, v_TGH, positions_T, sequences_T, pages_BP, keys, values);
      },
      onRouted(layer, experts_TK) {
        routed[`experts.${layer}`] = takeRows(experts_TK, outputRows_O);
      },
    };
    const hidden_OD = hidden(graph, config, step);
    return { logits: linear(hidden_OD, head(graph, config)), hidden: hidden_OD, ...routed };
  });
}

/** Bytes of one page of the cache in a type: keys and values of PAGE_SIZE positions, all layers. */
export function cachePageBytes(graph: Graph, type: StorageType): number {
  return graph.nodes
    .filter(({ op }) => op === 'state')
    .map(({ shape }) =>
      storageBytes(
        type,
        evaluateShape(shape, { P: 1 }).reduce((a, b) => a * b),
      ),
    )
    .reduce((a, b) => a + b, 0);
}
