import { factsOf } from '../graph/ops/index.ts';
import type { Graph, Tensor } from '../graph/tensor.ts';
import { isSource } from './simplify.ts';

/**
 * Put matrix products that do not depend on each other next to each other, so that a backend can run them as one loop over
 * all its threads: query, key and value; the experts' and the shared experts' matrices.
 *
 * Products wait until nothing else can be computed without them; then all that are ready follow in a row. So a node's place
 * is given by the number of products on the longest way to it; within one level, products come last, and otherwise nodes
 * keep their order.
 */
export function schedule(graph: Graph): Graph {
  const levels = new Map<Tensor, number>();
  const levelOf = (node: Tensor): number => levels.get(node) as number;
  for (const node of graph.nodes) {
    const after = node.inputs.map((input) => levelOf(input) + (isJoinable(input) ? 1 : 0));
    levels.set(node, Math.max(0, ...after));
  }
  const nodes = [...graph.nodes].sort(
    (a, b) => levelOf(a) - levelOf(b) || Number(isJoinable(a)) - Number(isJoinable(b)),
  );
  return { nodes, outputs: graph.outputs };
}

function isJoinable(node: Tensor): boolean {
  return !isSource(node) && factsOf(node.op).joinable === true;
}
