import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `linear` for x: gradient_TO, weight_OI -> TI, the product with the matrix itself. */
export const linearGradInput = defineOp<[gradient_TO: Tensor, weight_OI: Tensor]>({
  name: 'linearGradInput',
  arity: 2,
  rowwise: true,
  infer(inputs) {
    const [gradient, weight] = inputs;
    check(
      gradient.shape.length === 2 && weight.shape.length === 2,
      'linearGradInput',
      inputs,
      'both must be matrices',
    );
    check(
      sameDim(gradient.shape[1], weight.shape[0]),
      'linearGradInput',
      inputs,
      'a row of the gradient must be as long as the matrix has rows',
    );
    return { shape: [gradient.shape[0], weight.shape[1]], type: 'f32' };
  },
});
