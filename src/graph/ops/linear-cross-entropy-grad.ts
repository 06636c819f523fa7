import { sameShape } from '../dim.ts';
import { checkLinearCrossEntropy } from '../loss-shapes.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * `linearCrossEntropy` and its gradients in one pass over chunks of rows, so that logits are computed once and T·V of
 * them never exist. With d = weights_T · (softmax(x · weightᵀ) − 1 at the target), and d = 0 where the target is negative:
 * adds dᵀ · x to the state sum_VD, and gives in each row d · weight and, as its last column, what the row adds to the loss.
 *
 * sum_VD (state), x_TD, weight_VD, targets_T (below V), weights_T (f32) -> [T, D+1].
 */
export const linearCrossEntropyGrad = defineOp<
  [sum_VD: Tensor, x_TD: Tensor, weight_VD: Tensor, targets_T: Tensor, weights_T: Tensor]
>({
  name: 'linearCrossEntropyGrad',
  arity: 5,
  writesState: true,
  infer(inputs) {
    const [sum, x, weight, targets, weights] = inputs;
    checkLinearCrossEntropy('linearCrossEntropyGrad', inputs, { x, weight, targets, weights });
    check(
      sum.op === 'state' && sameShape(sum.shape, weight.shape),
      'linearCrossEntropyGrad',
      inputs,
      'the sum must be a state of the shape of the matrix',
    );
    return { shape: [x.shape[0], (x.shape[1] as number) + 1], type: 'f32' };
  },
});
