import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Element by element product of two tensors of one shape. */
export const mul = defineOp<[a: Tensor, b: Tensor]>({
  name: 'mul',
  arity: 2,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    check(sameShape(inputs[0].shape, inputs[1].shape), 'mul', inputs, 'the shapes must be equal');
    return { shape: inputs[0].shape, type: 'f32' };
  },
  vjp: ({ gradient, inputs: [a, b] }): Tensor[] => [mul(gradient, b), mul(gradient, a)],
});
