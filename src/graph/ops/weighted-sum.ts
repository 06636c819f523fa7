import { multiplyDim, sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { weightedSumGradRows } from './weighted-sum-grad-rows.ts';
import { weightedSumGradWeights } from './weighted-sum-grad-weights.ts';

/**
 * What the experts of a token said, added up by weight, in slot order. y_RD, weights_TK -> TD with R = T·K.
 * Slot order, not expert order: the sum must not depend on how a backend sorted the rows.
 */
export const weightedSum = defineOp<[y_RD: Tensor, weights_TK: Tensor]>({
  name: 'weightedSum',
  arity: 2,
  rowwise: true,
  infer(inputs) {
    const [y, weights] = inputs;
    check(
      weights.shape.length === 2 &&
        sameDim(y.shape[0], multiplyDim(weights.shape[0], weights.shape[1] as number)),
      'weightedSum',
      inputs,
      'there must be one weight for each row',
    );
    return { shape: [weights.shape[0], y.shape[1]], type: 'f32' };
  },
  vjp: ({ gradient, inputs: [y, weights] }) => [
    weightedSumGradRows(gradient, weights),
    weightedSumGradWeights(gradient, y, { k: weights.shape[1] as number }),
  ],
});
