import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { crossEntropyGrad } from './cross-entropy-grad.ts';

/**
 * Mean of −log softmax(logits)[target] over the rows whose target is not negative; 0 where there is none.
 * logits_TV, targets_T (below V) -> [1]. A negative target marks a row that is not trained on: a prompt, padding.
 */
export const crossEntropy = defineOp<[logits_TV: Tensor, targets_T: Tensor]>({
  name: 'crossEntropy',
  arity: 2,
  infer(inputs) {
    const [logits, targets] = inputs;
    check(
      logits.shape.length === 2 &&
        targets.shape.length === 1 &&
        targets.type === 'i32' &&
        sameDim(logits.shape[0], targets.shape[0]),
      'crossEntropy',
      inputs,
      'there must be one target for each row of logits',
    );
    return { shape: [1], type: 'f32' };
  },
  vjp: ({ gradient, inputs: [logits, targets] }) => [crossEntropyGrad(gradient, logits, targets), undefined],
});
