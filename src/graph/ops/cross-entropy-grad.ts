import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Gradient of `crossEntropy` for the logits: (softmax − 1 at the target) · gradient / number of counted targets, zero
 * where the target is negative. gradient [1], logits_TV, targets_T -> TV.
 */
export const crossEntropyGrad = defineOp<[gradient_1: Tensor, logits_TV: Tensor, targets_T: Tensor]>({
  name: 'crossEntropyGrad',
  arity: 3,
  // T·V numbers: the largest tensor of a training step takes over the memory of the logits.
  inPlace: 1,
  infer(inputs) {
    const [gradient, logits, targets] = inputs;
    check(
      gradient.shape.length === 1 && gradient.shape[0] === 1,
      'crossEntropyGrad',
      inputs,
      'the gradient must be a single number',
    );
    check(
      logits.shape.length === 2 &&
        targets.shape.length === 1 &&
        targets.type === 'i32' &&
        sameDim(logits.shape[0], targets.shape[0]),
      'crossEntropyGrad',
      inputs,
      'there must be one target for each row of logits',
    );
    return { shape: logits.shape, type: 'f32' };
  },
});
