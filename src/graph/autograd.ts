import { InternalError } from '../core/errors.ts';
import { numElements } from './dim.ts';
import { check } from './op.ts';
import { add } from './ops/add.ts';
import { fullLike } from './ops/full-like.ts';
import { factsOf } from './ops/index.ts';
import type { Tensor } from './tensor.ts';

/** A tensor whose gradient is known: where the walk back begins. */
export interface Seed {
  readonly tensor: Tensor;
  readonly gradient: Tensor;
}

/**
 * Gradients of a loss (a single number) with respect to some tensors of its graph, as further nodes of the graph: the
 * same compiler and backends run them. Throws `InternalError` as `backward` does.
 */
export function gradients(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  check(numElements(loss.shape) === 1, 'gradients', [loss], 'the loss must be a single number');
  const found = new Map<Tensor, Tensor>();
  backward([{ tensor: loss, gradient: fullLike(loss, { value: 1 }) }], wrt, (tensor, gradient) => {
    found.set(tensor, gradient);
  });
  return wrt.map((tensor) => found.get(tensor) as Tensor);
}

/**
 * The walk from tensors with known gradients back to `wrt`; rules live with the ops (`vjp`). `deliver` is called with each
 * gradient of `wrt` as soon as it is complete, so that nodes which consume it can be placed right there in the graph: what it
 * was computed from need not stay in memory until the walk is over.
 *
 * Throws `InternalError` where a gradient has to pass an op without a rule, or finds no way to a tensor.
 */
export function backward(
  seeds: readonly Seed[],
  wrt: readonly Tensor[],
  deliver: (tensor: Tensor, gradient: Tensor) => void,
): void {
  const last = Math.max(...seeds.map(({ tensor }) => tensor.id));
  const nodes = seeds[0].tensor.graph.nodes.slice(0, last + 1);
  const dependent = findDependent(nodes, wrt);
  const wanted = new Set(wrt);
  const gradientOf = new Map<Tensor, Tensor>();
  const addTo = (tensor: Tensor, part: Tensor): void => {
    if (!dependent.has(tensor)) return;
    const known = gradientOf.get(tensor);
    gradientOf.set(tensor, known === undefined ? part : add(known, part));
  };
  for (const { tensor, gradient } of seeds) addTo(tensor, gradient);

  // Every reader of a node comes after it, so its gradient is complete when the walk arrives.
  for (const node of nodes.toReversed()) {
    const gradient = gradientOf.get(node);
    if (gradient === undefined) continue;
    if (wanted.delete(node)) deliver(node, gradient);
    gradientOf.delete(node);
    if (!node.inputs.some((input) => dependent.has(input))) continue;
    const { vjp } = factsOf(node.op);
    if (!vjp) throw new InternalError(`cannot differentiate ${node.op}: it has no gradient rule`);
    const parts = vjp({ gradient, output: node, inputs: node.inputs, attributes: node.attributes });
    node.inputs.forEach((input, index) => {
      const part = parts[index];
      if (part !== undefined) addTo(input, part);
    });
  }
  const [missed] = wanted;
  if (missed) throw new InternalError(`no gradient of the loss reaches ${missed.name ?? missed.op}`);
}

/** The tensors themselves and every node that was computed from one of them. */
function findDependent(nodes: readonly Tensor[], wrt: readonly Tensor[]): Set<Tensor> {
  const dependent = new Set(wrt);
  for (const node of nodes) if (node.inputs.some((input) => dependent.has(input))) dependent.add(node);
  return dependent;
}
