import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `linear` for the matrix: gradient_TO, x_TI -> OI, summed over all rows. */
export const linearGradWeight = defineOp<[gradient_TO: Tensor, x_TI: Tensor]>({
  name: 'linearGradWeight',
  arity: 2,
  infer(inputs) {
    const [gradient, x] = inputs;
    check(
      gradient.shape.length === 2 && x.shape.length === 2 && sameDim(gradient.shape[0], x.shape[0]),
      'linearGradWeight',
      inputs,
      'both must be matrices with a row for each token',
    );
    return { shape: [gradient.shape[1], x.shape[1]], type: 'f32' };
  },
});
