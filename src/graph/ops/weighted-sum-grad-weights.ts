import { multiplyDim, sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `weightedSum` for the weights: inner products of row and gradient. gradient_TD, y_RD -> TK, R = T·k. */
export const weightedSumGradWeights = defineOp<[gradient_TD: Tensor, y_RD: Tensor], { k: number }>({
  name: 'weightedSumGradWeights',
  arity: 2,
  rowwise: true,
  infer(inputs, { k }) {
    const [gradient, y] = inputs;
    check(
      gradient.shape.length === 2 &&
        y.shape.length === 2 &&
        sameDim(gradient.shape[1], y.shape[1]) &&
        sameDim(y.shape[0], multiplyDim(gradient.shape[0], k)),
      'weightedSumGradWeights',
      inputs,
      `there must be ${k} rows for each row of the gradient, equally long`,
    );
    return { shape: [gradient.shape[0], k], type: 'f32' };
  },
});
