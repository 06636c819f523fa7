import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { softmaxGrad } from './softmax-grad.ts';

/** Every row as shares of one: e^x over the sum of e^x along the row. x_TE -> TE. */
export const softmax = defineOp<[x_TE: Tensor]>({
  name: 'softmax',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    const [x] = inputs;
    check(x.shape.length === 2 && x.type === 'f32', 'softmax', inputs, 'expected rows of floats');
    return { shape: x.shape, type: 'f32' };
  },
  vjp: ({ gradient, output }) => [softmaxGrad(gradient, output)],
});
