import { KernelCall, type Operand } from '../../src/backend/reference/kernel.ts';
import { kernels } from '../../src/backend/reference/ops/index.ts';
import { type Bindings, evaluateShape } from '../../src/graph/dim.ts';
import { factsOf } from '../../src/graph/ops/index.ts';
import type { Tensor } from '../../src/graph/tensor.ts';

/** Values of sources by name. */
export type Sources = ReadonlyMap<string, Float64Array | Int32Array>;

/**
 * What tensors of a graph are, by the kernels of the reference backend but with every value kept in f64. The kernels
 * compute in f64 anyway and only store in f32; without that rounding, differences of 1e-6 show derivatives to eight digits.
 */
export function evaluateF64(
  outputs: readonly Tensor[],
  sources: Sources,
  bindings: Bindings,
): Float64Array[] {
  const operands = new Map<Tensor, Operand>();
  const needed = findNeeded(outputs);
  for (const node of outputs[0].graph.nodes) {
    if (!needed.has(node)) continue;
    const shape = evaluateShape(node.shape, bindings);
    const length = shape.reduce((a, b) => a * b, 1);
    const { aliasOf } = node.name === undefined ? factsOf(node.op) : {};
    if (node.name !== undefined)
      operands.set(node, operandOf(node, shape, sources.get(node.name) as Float64Array));
    else if (aliasOf !== undefined) {
      const { data } = operands.get(node.inputs[aliasOf]) as { data: Float32Array };
      operands.set(node, { kind: 'floats', shape, data });
    } else {
      const result = operandOf(
        node,
        shape,
        node.type === 'i32' ? new Int32Array(length) : new Float64Array(length),
      );
      operands.set(node, result);
      const inputs = node.inputs.map((input) => operands.get(input) as Operand);
      kernels[node.op as keyof typeof kernels](new F64Call(inputs, result, node.attributes));
    }
  }
  return outputs.map((output) => (operands.get(output) as unknown as { data: Float64Array }).data);
}

/** Kernels are written for Float32Array; that a Float64Array serves them as well is what this file rests on. */
function operandOf(node: Tensor, shape: readonly number[], data: Float64Array | Int32Array): Operand {
  return node.type === 'i32'
    ? { kind: 'integers', shape, data: data as Int32Array }
    : { kind: 'floats', shape, data: data as unknown as Float32Array };
}

/** Kernels that only move elements ask for their bits; here the elements themselves are moved. */
class F64Call extends KernelCall {
  override bits(index: number): Int32Array {
    return this.floats(index) as unknown as Int32Array;
  }

  override get outputBits(): Int32Array {
    return this.output as unknown as Int32Array;
  }
}

function findNeeded(outputs: readonly Tensor[]): Set<Tensor> {
  const needed = new Set<Tensor>();
  const visit = (node: Tensor): void => {
    if (needed.has(node)) return;
    needed.add(node);
    node.inputs.forEach(visit);
  };
  outputs.forEach(visit);
  return needed;
}
