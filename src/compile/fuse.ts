import type { Attributes, Graph, Tensor } from '../graph/tensor.ts';
import { isSource } from './simplify.ts';

/** A group of ops that one op can replace. `match` is given the last op of the group. */
interface Pattern {
  readonly replacement: string;
  match(node: Tensor, reads: ReadCounts): Match | undefined;
}

interface Match {
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
}

/** How many nodes read a tensor: an intermediate may only vanish if its one reader is inside the group. */
type ReadCounts = ReadonlyMap<Tensor, number>;

const patterns: readonly Pattern[] = [
  {
    // mul(silu(gate), up) -> swiglu(gate, up): one pass over memory instead of two.
    replacement: 'swiglu',
    match(node, reads) {
      if (node.op !== 'mul' || node.inputs[0].op !== 'silu' || reads.get(node.inputs[0]) !== 1)
        return undefined;
      return { inputs: [node.inputs[0].inputs[0], node.inputs[1]], attributes: {} };
    },
  },
  {
    // topK(limitGroups?(add(scores, bias))) -> chooseExperts: the choice is made while the row is in registers.
    replacement: 'chooseExperts',
    match(node, reads) {
      if (node.op !== 'topK') return undefined;
      let choice = node.inputs[0];
      let groups: Attributes = { numGroups: 1, numKept: 1 };
      if (choice.op === 'limitGroups' && reads.get(choice) === 1) {
        groups = choice.attributes;
        choice = choice.inputs[0];
      }
      if (choice.op !== 'add' || reads.get(choice) !== 1 || choice.inputs[1].shape.length !== 1)
        return undefined;
      return { inputs: choice.inputs, attributes: { k: node.attributes.k, ...groups } };
    },
  },
  accumulated('accumulateLinear', 'linearGradWeight'),
  accumulated('accumulateGroupedLinear', 'groupedLinearGradWeight'),
  accumulated('accumulateRows', 'scatterAddRows'),
];

/** accumulate(sum, part(…)) -> replacement(sum, …): the gradient of a weight is never stored separately from its sum. */
function accumulated(replacement: string, part: string): Pattern {
  return {
    replacement,
    match(node, reads) {
      if (node.op !== 'accumulate') return undefined;
      const [sum, added] = node.inputs;
      if (added.op !== part || reads.get(added) !== 1) return undefined;
      return { inputs: [sum, ...added.inputs], attributes: {} };
    },
  };
}

/** Replace every group that a pattern matches and the backend has a kernel for. */
export function fuse(graph: Graph, supports: (op: string) => boolean): Graph {
  const active = patterns.filter((pattern) => supports(pattern.replacement));
  const reads = countReads(graph);
  const rewritten = new Map<Tensor, Tensor>();
  const nodes: Tensor[] = [];
  const current = (tensor: Tensor): Tensor => rewritten.get(tensor) ?? tensor;

  for (const node of graph.nodes) {
    if (isSource(node)) {
      nodes.push(node);
      continue;
    }
    let op = node.op;
    let { inputs, attributes } = node as { inputs: readonly Tensor[]; attributes: Attributes };
    for (const pattern of active) {
      const match = pattern.match(node, reads);
      if (!match) continue;
      op = pattern.replacement;
      inputs = match.inputs;
      attributes = match.attributes;
      break;
    }
    const replaced: Tensor = { ...node, id: nodes.length, op, inputs: inputs.map(current), attributes };
    rewritten.set(node, replaced);
    nodes.push(replaced);
  }
  const outputs = Object.fromEntries(
    Object.entries(graph.outputs).map(([name, tensor]) => [name, current(tensor)]),
  );
  return { nodes, outputs };
}

function countReads(graph: Graph): ReadCounts {
  const reads = new Map<Tensor, number>();
  const count = (tensor: Tensor): void => void reads.set(tensor, (reads.get(tensor) ?? 0) + 1);
  for (const node of graph.nodes) node.inputs.forEach(count);
  Object.values(graph.outputs).forEach(count);
  return reads;
}
