import { multiplyDim, sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `weightedSum` for the rows: each is its token's gradient times its weight. gradient_TD, weights_TK -> RD. */
export const weightedSumGradRows = defineOp<[gradient_TD: Tensor, weights_TK: Tensor]>({
  name: 'weightedSumGradRows',
  arity: 2,
  rowwise: true,
  infer(inputs) {
    const [gradient, weights] = inputs;
    check(
      gradient.shape.length === 2 &&
        weights.shape.length === 2 &&
        sameDim(gradient.shape[0], weights.shape[0]),
      'weightedSumGradRows',
      inputs,
      'both must be matrices with a row for each token',
    );
    const numRouted = multiplyDim(weights.shape[0], weights.shape[1] as number);
    return { shape: [numRouted, gradient.shape[1]], type: 'f32' };
  },
});
