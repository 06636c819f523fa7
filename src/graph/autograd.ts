import { InternalError } from '../core/errors.ts';
import { numElements } from './dim.ts';
import { check } from './op.ts';
import { add } from './ops/add.ts';
import { fullLike } from './ops/full-like.ts';
import { factsOf } from './ops/index.ts';
import type { Tensor } from './tensor.ts';

/**
 * Gradients of a loss (a single number) with respect to some tensors of its graph, as further nodes of the graph: the
 * same compiler and backends run them. Rules live with the ops (`vjp`); here is only the walk from the loss back.
 * Throws `InternalError` where a gradient has to pass an op without a rule, or finds no way from the loss to a tensor.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  check(numElements(loss.shape) === 1, 'gradients', [loss], 'the loss must be a single number');
  const nodes = loss.graph.nodes.slice(0, loss.id + 1);
  const dependent = findDependent(nodes, wrt);
  const gradientOf = new Map<Tensor, Tensor>();
  if (dependent.has(loss)) gradientOf.set(loss, fullLike(loss, { value: 1 }));

  // Every reader of a node stands after it, so its gradient is complete when the walk arrives.
  for (const node of nodes.toReversed()) {
    const gradient = gradientOf.get(node);
    if (gradient === undefined || !node.inputs.some((input) => dependent.has(input))) continue;
    const { vjp } = factsOf(node.op);
    if (!vjp) throw new InternalError(`cannot differentiate ${node.op}: it has no gradient rule`);
    const parts = vjp({ gradient, output: node, inputs: node.inputs, attributes: node.attributes });
    node.inputs.forEach((input, index) => {
      const part = parts[index];
      if (part === undefined || !dependent.has(input)) return;
      const known = gradientOf.get(input);
      gradientOf.set(input, known === undefined ? part : add(known, part));
    });
  }
  return wrt.map((tensor) => {
    const gradient = gradientOf.get(tensor);
    if (gradient) return gradient;
    throw new InternalError(`no gradient of the loss reaches ${tensor.name ?? tensor.op}`);
  });
}

/** The tensors themselves and every node that was computed from one of them. */
function findDependent(nodes: readonly Tensor[], wrt: readonly Tensor[]): Set<Tensor> {
  const dependent = new Set(wrt);
  for (const node of nodes) if (node.inputs.some((input) => dependent.has(input))) dependent.add(node);
  return dependent;
}
