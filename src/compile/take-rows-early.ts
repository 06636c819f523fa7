import { factsOf } from '../graph/ops/index.ts';
import type { Graph, Tensor } from '../graph/tensor.ts';
import { isSource } from './simplify.ts';

/**
 * Choose rows before computing them. A prompt needs the keys and values of every token, but logits of the last one only:
 * everything row by row between the last attention and `takeRows` is done for the rows that are taken. Several `takeRows`
 * that take the same rows count as one: they may read different nodes of what is done for these rows.
 */
export function takeRowsEarly(graph: Graph): Graph {
  const take = graph.nodes.findLast((node) => node.op === 'takeRows');
  if (!take) return graph;
  const rows = take.inputs[1];
  const takes = new Set(graph.nodes.filter((node) => node.op === 'takeRows' && node.inputs[1] === rows));
  const axis = take.inputs[0].shape[0];
  if (typeof axis === 'number') return graph;
  const isPerRow = (node: Tensor): boolean => {
    const first = node.shape[0];
    return typeof first === 'object' && first.symbol === axis.symbol;
  };

  const inside = findRegion(graph, takes, isPerRow);
  if (inside.size === 0) return graph;
  const nodes: Tensor[] = [];
  const replaced = new Map<Tensor, Tensor>();
  const taken = new Map<Tensor, Tensor>();
  const append = (node: Omit<Tensor, 'id'>): Tensor => {
    const appended = { ...node, id: nodes.length };
    nodes.push(appended);
    return appended;
  };
  const takeFrom = (input: Tensor): Tensor => {
    const known = taken.get(input);
    if (known) return known;
    const inputs = [replaced.get(input) ?? input, rows];
    const made = append({ ...take, inputs, ...factsOf('takeRows').infer(inputs, {}) });
    taken.set(input, made);
    return made;
  };
  // Sources first: the list of rows may have been added after the nodes that now need it.
  for (const node of graph.nodes) if (isSource(node)) nodes.push(node);
  for (const node of graph.nodes) {
    if (isSource(node)) continue;
    if (takes.has(node) && inside.has(node.inputs[0])) {
      replaced.set(node, replaced.get(node.inputs[0]) as Tensor);
    } else if (inside.has(node)) {
      const inputs = node.inputs.map((input) => {
        if (inside.has(input)) return replaced.get(input) as Tensor;
        return isPerRow(input) ? takeFrom(input) : (replaced.get(input) ?? input);
      });
      replaced.set(node, append({ ...node, inputs, ...factsOf(node.op).infer(inputs, node.attributes) }));
    } else {
      const inputs = node.inputs.map((input) => replaced.get(input) ?? input);
      replaced.set(node, append({ ...node, inputs }));
    }
  }
  const outputs = Object.entries(graph.outputs).map(([name, tensor]) => [
    name,
    replaced.get(tensor) ?? tensor,
  ]);
  return { nodes, outputs: Object.fromEntries(outputs) };
}

/** Row-by-row nodes that nobody reads but each other and `takes`. */
function findRegion(
  graph: Graph,
  takes: ReadonlySet<Tensor>,
  isPerRow: (node: Tensor) => boolean,
): Set<Tensor> {
  const inside = new Set<Tensor>();
  const readers = new Map<Tensor, Tensor[]>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      const list = readers.get(input);
      if (list) list.push(node);
      else readers.set(input, [node]);
    }
  }
  const outputs = new Set(Object.values(graph.outputs));
  const isFrontierFit = (input: Tensor): boolean => {
    const first = input.shape[0];
    // Rows of a frontier are taken as they are, so it must have one for each token, and be a matrix.
    return !isPerRow(input) || (typeof first === 'object' && first.times === 1 && input.shape.length === 2);
  };
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (isSource(node) || outputs.has(node) || !isPerRow(node) || factsOf(node.op).rowwise !== true) continue;
    const readBy = readers.get(node) ?? [];
    if (readBy.length > 0 && readBy.every((reader) => takes.has(reader) || inside.has(reader)))
      inside.add(node);
  }
  // A node whose input could not be taken must stay outside, and with it everything before it.
  let isStable = false;
  while (!isStable) {
    isStable = true;
    for (const node of inside) {
      const fits = node.inputs.every((input) => inside.has(input) || isFrontierFit(input));
      const readBy = readers.get(node) as Tensor[];
      if (fits && readBy.every((reader) => takes.has(reader) || inside.has(reader))) continue;
      inside.delete(node);
      isStable = false;
    }
  }
  return inside;
}
