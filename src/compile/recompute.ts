import { after } from '../graph/ops/after.ts';
import type { GraphBuilder, Tensor } from '../graph/tensor.ts';
import { isSource } from './simplify.ts';

/**
 * Trade time for memory: recompute the tensors of the forward pass in the backward pass, layer by layer, instead of keeping
 * them all from one to the other. Only `kept` tensors stay (the inputs of the layers), and integers, which are small: a
 * router that chose once must not choose again.
 *
 * `nodes` is a graph whose first `numForward` nodes are the forward pass; the result has the same outputs under the same
 * nodes' copies. A recomputed node waits for the gradient that needs it (`after`), or all layers would come to life at
 * once.
 */
export function recompute(
  builder: GraphBuilder,
  nodes: readonly Tensor[],
  numForward: number,
  kept: ReadonlySet<Tensor>,
): Map<Tensor, Tensor> {
  const forward = new Set(nodes.slice(0, numForward));
  const first = new Map<Tensor, Tensor>();
  const again = new Map<Tensor, Tensor>();
  const isKept = (node: Tensor): boolean => isSource(node) || node.type === 'i32' || kept.has(node);

  const computeAgain = (node: Tensor, gradient: Tensor): Tensor => {
    const known = again.get(node);
    if (known) return known;
    const copy = first.get(node) as Tensor;
    let result: Tensor;
    if (isSource(node) || node.type === 'i32') result = copy;
    else if (kept.has(node)) result = after(copy, gradient);
    else
      result = builder.adopt(
        node,
        node.inputs.map((input) => computeAgain(input, gradient)),
      );
    again.set(node, result);
    return result;
  };

  for (const node of nodes) {
    if (forward.has(node)) {
      first.set(
        node,
        builder.adopt(
          node,
          node.inputs.map((input) => first.get(input) as Tensor),
        ),
      );
      continue;
    }
    // A gradient among the inputs shows that the walk has come this far.
    const gradient = node.inputs.find((input) => !forward.has(input));
    const inputs = node.inputs.map((input) => {
      if (!forward.has(input) || isKept(input) || gradient === undefined) return first.get(input) as Tensor;
      return computeAgain(input, first.get(gradient) as Tensor);
    });
    first.set(node, builder.adopt(node, inputs));
  }
  return first;
}
