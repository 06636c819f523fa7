import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `sigmoid`, from what it gave rather than what it was given: gradient · s · (1 − s). */
export const sigmoidGrad = defineOp<[gradient: Tensor, sigmoids: Tensor]>({
  name: 'sigmoidGrad',
  arity: 2,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    check(sameShape(inputs[0].shape, inputs[1].shape), 'sigmoidGrad', inputs, 'the shapes must be equal');
    return { shape: inputs[0].shape, type: 'f32' };
  },
});
