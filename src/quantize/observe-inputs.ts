/** Rewrites a graph so that it also gives how large the inputs of its weight matrices were. */
import { countExperts } from '../graph/ops/count-experts.ts';
import { fullLike } from '../graph/ops/full-like.ts';
import { groupedLinearGradWeight } from '../graph/ops/grouped-linear-grad-weight.ts';
import { linearGradWeight } from '../graph/ops/linear-grad-weight.ts';
import { mul } from '../graph/ops/mul.ts';
import { takeColumns } from '../graph/ops/take-columns.ts';
import { type Graph, reopen, type Tensor } from '../graph/tensor.ts';

export const SQUARES = 'squares.';
export const COUNTS = 'counts.';

/**
 * Adds, for each weight that multiplies rows, the output `squares.NAME` [matrices, columns]: Σ x² over the rows it is multiplied by,
 * each expert's apart; and for experts `counts.NAME` [E], the rows that reach each one. With a gradient of ones the gradient of a
 * product is the sum of its inputs, so a backend that trains has all it takes. Weights of one input share its sums.
 */
export function observeInputs(graph: Graph, isObserved: (weight: string) => boolean): Graph {
  const { builder, outputs } = reopen(graph);
  const observed: Record<string, Tensor> = {};
  // Shared experts and routed ones have one input, but not the same rows of it.
  const known = { linear: new Map<Tensor, Tensor>(), groupedLinear: new Map<Tensor, Tensor>() };
  const once = (op: keyof typeof known, x: Tensor, make: () => Tensor): Tensor => {
    const found = known[op].get(x) ?? make();
    known[op].set(x, found);
    return found;
  };
  for (const node of [...builder.nodes]) {
    const [x, weight, experts] = node.inputs;
    if (weight?.op !== 'weight' || !isObserved(weight.name as string)) continue;
    const name = weight.name as string;
    if (node.op === 'linear') {
      observed[SQUARES + name] = once('linear', x, () => linearGradWeight(onesFor(x), mul(x, x)));
    } else if (node.op === 'groupedLinear') {
      const numExperts = weight.shape[0] as number;
      observed[SQUARES + name] = once('groupedLinear', x, () =>
        groupedLinearGradWeight(onesFor(node), mul(x, x), experts, { numExperts }),
      );
      observed[COUNTS + name] = countExperts(experts, { numExperts });
    }
  }
  return { nodes: builder.nodes, outputs: { ...outputs, ...observed } };
}

/** [rows, 1] */
function onesFor(rows: Tensor): Tensor {
  return fullLike(takeColumns(rows, { first: 0, count: 1 }), { value: 1 });
}
