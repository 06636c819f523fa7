import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * `accumulate(sum, linearGradWeight(gradient, x))` without a tensor between them: adds gradientᵀ · x to the state sum_OI.
 * sum_OI, gradient_TO, x_TI -> [1], always 0.
 */
export const accumulateLinear = defineOp<[sum_OI: Tensor, gradient_TO: Tensor, x_TI: Tensor]>({
  name: 'accumulateLinear',
  arity: 3,
  writesState: true,
  infer(inputs) {
    const [sum, gradient, x] = inputs;
    check(
      gradient.shape.length === 2 && x.shape.length === 2 && sameDim(gradient.shape[0], x.shape[0]),
      'accumulateLinear',
      inputs,
      'both must be matrices with a row for each token',
    );
    check(
      sum.op === 'state' &&
        sum.shape.length === 2 &&
        sameDim(sum.shape[0], gradient.shape[1]) &&
        sameDim(sum.shape[1], x.shape[1]),
      'accumulateLinear',
      inputs,
      'the sum must be a state with a row for each column of the gradient, as long as a row of x',
    );
    return { shape: [1], type: 'f32' };
  },
});
