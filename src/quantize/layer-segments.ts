/**
 * A model cut into its layers. All text goes through one layer before the next is read, so that a model larger than memory is
 * read once, and one layer of it is in memory at a time.
 */
import { cut } from '../compile/cut.ts';
import { causalAttention } from '../graph/ops/causal-attention.ts';
import { linear } from '../graph/ops/linear.ts';
import { type Graph, type Tensor, trace } from '../graph/tensor.ts';
import { type ModelConfig, T } from '../model/architecture.ts';
import { head, hidden } from '../model/forward.ts';

/**
 * Inputs `tokens`, `positions`, `sequences` [T] and, but for the first segment, `h` [T, D]; output `h` or, of the last one,
 * `logits` [T, V]. The first segment is the embedding with layer 0; the last one the last norm and the output matrix.
 */
export interface Segment {
  readonly name: string;
  readonly graph: Graph;
}

export function layerSegments(config: ModelConfig): readonly Segment[] {
  const borders: Tensor[] = [];
  const { outputs } = trace((graph) => {
    const sequences_T = graph.input('sequences', [T]);
    const last_TD = hidden(graph, config, {
      tokens_T: graph.input('tokens', [T]),
      positions_T: graph.input('positions', [T]),
      attend: (_, q_TNH, k_TGH, v_TGH) => causalAttention(q_TNH, k_TGH, v_TGH, sequences_T),
      onLayer: (_, h_TD) => borders.push(h_TD),
    });
    // The input of the last norm is the output of the last layer.
    return { h: last_TD.inputs[0], logits: linear(last_TD, head(graph, config)) };
  });
  borders.push(outputs.h);
  const layers = Array.from({ length: config.numLayers }, (_, layer) => ({
    name: `layer ${layer + 1} of ${config.numLayers}`,
    graph: cut(layer === 0 ? {} : { h: borders[layer] }, { h: borders[layer + 1] }),
  }));
  return [...layers, { name: 'output', graph: cut({ h: outputs.h }, { logits: outputs.logits }) }];
}

/** The weights that a graph reads, by name. */
export function weightsOfGraph({ nodes }: Graph): readonly string[] {
  return nodes.filter(({ op }) => op === 'weight').map(({ name }) => name as string);
}
