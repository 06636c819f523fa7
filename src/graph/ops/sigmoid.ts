import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { sigmoidGrad } from './sigmoid-grad.ts';

/** 1 / (1 + e^−z), element by element. */
export const sigmoid = defineOp<[z: Tensor]>({
  name: 'sigmoid',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    check(inputs[0].type === 'f32', 'sigmoid', inputs, 'the elements must be floats');
    return { shape: inputs[0].shape, type: 'f32' };
  },
  vjp: ({ gradient, output }) => [sigmoidGrad(gradient, output)],
});
