import { factsOf } from '../graph/ops/index.ts';
import type { Graph, Tensor } from '../graph/tensor.ts';
import { isSource } from './simplify.ts';

/**
 * Put matrix products that do not depend on each other side by side, so that a backend can run them as one loop over all
 * its threads: query, key and value; the experts' and the shared experts' matrices.
 *
 * Nodes are taken in their order, but products wait until nothing else can go on; then all that are ready follow in a row.
 */
export function schedule(graph: Graph): Graph {
  const done = new Set<Tensor>();
  const scheduled: Tensor[] = [];
  let waiting = graph.nodes;
  const isReady = (node: Tensor): boolean => node.inputs.every((input) => done.has(input));
  const take = (node: Tensor): void => {
    done.add(node);
    scheduled.push(node);
  };

  while (waiting.length > 0) {
    const held: Tensor[] = [];
    for (const node of waiting) {
      if (isReady(node) && !isJoinable(node)) take(node);
      else held.push(node);
    }
    const products = held.filter(isReady);
    products.forEach(take);
    waiting = held.filter((node) => !done.has(node));
  }
  return { nodes: scheduled, outputs: graph.outputs };
}

function isJoinable(node: Tensor): boolean {
  return !isSource(node) && factsOf(node.op).joinable === true;
}
