import { factsOf } from '../graph/ops/index.ts';
import type { Graph, Tensor } from '../graph/tensor.ts';

export function isSource(node: Tensor): boolean {
  return node.op === 'input' || node.op === 'weight' || node.op === 'state';
}

/** Keep the nodes that an output or a state depends on, in their order. */
export function removeUnused(graph: Graph): Graph {
  const used = new Set<Tensor>(Object.values(graph.outputs));
  // Inputs come before the nodes that read them, so one walk from the end sees every reader first.
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    const hasEffect = !isSource(node) && factsOf(node.op).writesState === true;
    if (!hasEffect && !used.has(node)) continue;
    used.add(node);
    for (const input of node.inputs) used.add(input);
  }
  return { nodes: graph.nodes.filter((node) => used.has(node)), outputs: graph.outputs };
}
