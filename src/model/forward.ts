/** A model's forward pass as nodes of a graph, whatever its architecture. */
import type { GraphBuilder, Tensor } from '../graph/tensor.ts';
import type { ModelConfig, Step, Weights } from './architecture.ts';
import { architectureOf } from './architectures.ts';
import { weightSpecs } from './weights.ts';

/** tokens_T -> last_OD: what the output matrix multiplies. */
export function hidden(graph: GraphBuilder, config: ModelConfig, step: Step): Tensor {
  return architectureOf(config).hidden(weightsOf(graph, config), config, step);
}

/** The output matrix, VD. */
export function head(graph: GraphBuilder, config: ModelConfig): Tensor {
  return weightsOf(graph, config)(config.tiedEmbeddings ? 'tokenEmbedding' : 'output');
}

function weightsOf(graph: GraphBuilder, config: ModelConfig): Weights {
  const shapes = new Map(weightSpecs(config).map((spec) => [spec.name, spec.shape]));
  return (name) => graph.weight(name, shapes.get(name) as readonly number[]);
}
