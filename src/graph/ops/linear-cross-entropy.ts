import { checkLinearCrossEntropy } from '../loss-shapes.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * What each row adds to the loss: weights_T · −log softmax(x · weightᵀ)[target], and 0 where the target is negative or the
 * weight is 0; such rows need not be computed. x_TD, weight_VD, targets_T (below V), weights_T (f32) -> T.
 *
 * The T·V logits never exist at once. For measuring; training calls `linearCrossEntropyGrad`, which gives the same numbers
 * in addition to the gradients.
 */
export const linearCrossEntropy = defineOp<
  [x_TD: Tensor, weight_VD: Tensor, targets_T: Tensor, weights_T: Tensor]
>({
  name: 'linearCrossEntropy',
  arity: 4,
  rowwise: true,
  infer(inputs) {
    const [x, weight, targets, weights] = inputs;
    checkLinearCrossEntropy('linearCrossEntropy', inputs, { x, weight, targets, weights });
    return { shape: [x.shape[0]], type: 'f32' };
  },
});
