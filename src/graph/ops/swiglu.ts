import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { swigluGradGate } from './swiglu-grad-gate.ts';

/** silu(gate) · up in one pass over memory; what `mul(silu(gate), up)` becomes. Source: arXiv:2002.05202. */
export const swiglu = defineOp<[gate_TF: Tensor, up_TF: Tensor]>({
  name: 'swiglu',
  arity: 2,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    check(sameShape(inputs[0].shape, inputs[1].shape), 'swiglu', inputs, 'the shapes must be equal');
    return { shape: inputs[0].shape, type: 'f32' };
  },
  vjp: ({ gradient, inputs: [gate, up] }): Tensor[] => [
    swigluGradGate(gradient, gate, up),
    // silu(gate) · gradient is the op itself.
    swiglu(gate, gradient),
  ],
});
