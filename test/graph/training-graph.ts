import { gradients } from '../../src/graph/autograd.ts';
import { causalAttention } from '../../src/graph/ops/causal-attention.ts';
import { crossEntropy } from '../../src/graph/ops/cross-entropy.ts';
import { linear } from '../../src/graph/ops/linear.ts';
import { type Graph, type Tensor, trace } from '../../src/graph/tensor.ts';
import { type ModelConfig, O, T } from '../../src/model/architecture.ts';
import { head, hidden } from '../../src/model/forward.ts';
import { weightSpecs } from '../../src/model/weights.ts';

/** Parameters that learn by gradients. */
export function trainedNames(config: ModelConfig): string[] {
  return weightSpecs(config).flatMap(({ name, trainedBy }) => (trainedBy === undefined ? [name] : []));
}

/**
 * The model as training sees it: causal attention inside packed sequences, mean loss of the requested rows. Inputs
 * `tokens`, `positions`, `sequences` [T], `outputRows`, `targets` [O]; outputs `loss` and the gradients by weight name.
 */
export function trainingGraph(config: ModelConfig): Graph {
  return trace((graph) => {
    const sequences_T = graph.input('sequences', [T]);
    const hidden_OD = hidden(graph, config, {
      tokens_T: graph.input('tokens', [T]),
      positions_T: graph.input('positions', [T]),
      outputRows_O: graph.input('outputRows', [O]),
      attend: (_, q_TNH, k_TGH, v_TGH) => causalAttention(q_TNH, k_TGH, v_TGH, sequences_T),
    });
    const loss = crossEntropy(linear(hidden_OD, head(graph, config)), graph.input('targets', [O]));
    const names = trainedNames(config);
    const weights = names.map((name) => graph.nodes.find((node) => node.name === name) as Tensor);
    const found = gradients(loss, weights);
    return { loss, ...Object.fromEntries(names.map((name, i) => [name, found[i]])) };
  });
}

/** Inputs that predict every next token of some sequences that are packed one after the other. */
export function trainingInputs(sequences: readonly (readonly number[])[]): Record<string, Int32Array> {
  const predicting = sequences.map((sequence) => sequence.slice(0, -1));
  const tokens = Int32Array.from(predicting.flat());
  return {
    tokens,
    positions: Int32Array.from(predicting.flatMap((sequence) => sequence.map((_, position) => position))),
    sequences: Int32Array.from(predicting.flatMap((sequence, index) => sequence.map(() => index))),
    outputRows: tokens.map((_, row) => row),
    targets: Int32Array.from(sequences.flatMap((sequence) => sequence.slice(1))),
  };
}
