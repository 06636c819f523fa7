import { type Graph, type Tensor, trace } from '../graph/tensor.ts';

/**
 * The part of a graph that computes `outputs` from the tensors in `given`, which become inputs of these names. What a model
 * is cut into when its layers run one after the other over all the data.
 */
export function cut(
  given: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
): Graph {
  return trace((builder) => {
    const copies = new Map<Tensor, Tensor>(
      Object.entries(given).map(([name, { shape, type }]) => [given[name], builder.input(name, shape, type)]),
    );
    // A stack of our own: a model of thousands of layers has longer chains than calls may be deep.
    const copy = (end: Tensor): Tensor => {
      for (const stack = [end]; stack.length > 0; ) {
        const node = stack[stack.length - 1];
        const missing = node.inputs.filter((input) => !copies.has(input));
        if (copies.has(node) || missing.length === 0) {
          stack.pop();
          if (copies.has(node)) continue;
          copies.set(
            node,
            builder.adopt(
              node,
              node.inputs.map((input) => copies.get(input) as Tensor),
            ),
          );
        } else stack.push(...missing);
      }
      return copies.get(end) as Tensor;
    };
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, copy(tensor)]));
  });
}
