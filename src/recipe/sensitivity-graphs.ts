// What a recipe asks of a model besides the gradients that the trainer computes: logits, scores of routers, and the
// gradients of those scores.

import { fuse } from '../compile/fuse.ts';
import { backward } from '../graph/autograd.ts';
import { accumulate } from '../graph/ops/accumulate.ts';
import { causalAttention } from '../graph/ops/causal-attention.ts';
import { linear } from '../graph/ops/linear.ts';
import { type Graph, type GraphBuilder, reopen, type Tensor, trace } from '../graph/tensor.ts';
import { type ModelConfig, T } from '../model/architecture.ts';
import { head, hidden } from '../model/forward.ts';
import { gradientOf, trainedSpecs } from '../train/names.ts';

/** Inputs `tokens`, `positions`, `sequences` [T]; output `logits` [T, V]. */
export function logitsGraph(config: ModelConfig): Graph {
  return trace((graph) => ({
    logits: linear(
      forward(graph, config, () => {}),
      head(graph, config),
    ),
  }));
}

/** Inputs as of `logitsGraph`; for each layer with experts an output `scores.L` [T, E]. */
export function scoresGraph(config: ModelConfig): Graph {
  return trace((graph) => {
    const scores: Record<string, Tensor> = {};
    forward(graph, config, (layer, scores_TE) => {
      scores[`scores.${layer}`] = scores_TE;
    });
    return scores;
  });
}

/**
 * Adds the gradients of Σ factors · scores of one layer to the store's sums. Inputs as of `logitsGraph`, and `factors` [T, E];
 * the outputs say nothing.
 */
export function marginGradientGraph(
  config: ModelConfig,
  layer: number,
  supports: (op: string) => boolean,
): Graph {
  const { builder, outputs } = reopen(fuse(scoresGraph(config), supports));
  const scores_TE = outputs[`scores.${layer}`];
  const reached = sourcesOf(scores_TE);
  const specs = trainedSpecs(config).filter(({ name }) => reached.has(name));
  const done: Record<string, Tensor> = {};
  backward(
    [{ tensor: scores_TE, gradient: builder.input('factors', scores_TE.shape, 'f32') }],
    specs.map(({ name, shape }) => builder.weight(name, shape)),
    (weight, gradient) => {
      const name = weight.name as string;
      done[name] = accumulate(builder.state(gradientOf(name), weight.shape as readonly number[]), gradient);
    },
  );
  return { nodes: builder.nodes, outputs: done };
}

function forward(
  graph: GraphBuilder,
  config: ModelConfig,
  onScores: (layer: number, scores_TE: Tensor) => void,
): Tensor {
  const sequences_T = graph.input('sequences', [T]);
  return hidden(graph, config, {
    tokens_T: graph.input('tokens', [T]),
    positions_T: graph.input('positions', [T]),
    attend: (_, q_TNH, k_TGH, v_TGH) => causalAttention(q_TNH, k_TGH, v_TGH, sequences_T),
    onRouted: (layer, _, scores_TE) => onScores(layer, scores_TE),
  });
}

/** Names of the weights that a tensor is computed from. */
function sourcesOf(tensor: Tensor): ReadonlySet<string> {
  const seen = new Set<Tensor>();
  const open = [tensor];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...next.inputs);
  }
  return new Set([...seen].flatMap(({ op, name }) => (op === 'weight' ? [name as string] : [])));
}
