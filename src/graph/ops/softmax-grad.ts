import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `softmax`, from its output y: gradient_TE, y_TE -> TE. */
export const softmaxGrad = defineOp<[gradient_TE: Tensor, y_TE: Tensor]>({
  name: 'softmaxGrad',
  arity: 2,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    const [gradient, y] = inputs;
    check(
      y.shape.length === 2 && sameShape(gradient.shape, y.shape),
      'softmaxGrad',
      inputs,
      'both must be matrices of one shape',
    );
    return { shape: y.shape, type: 'f32' };
  },
});
