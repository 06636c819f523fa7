import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * One step of AdamW on four states of one shape, element by element. `rates` are four floats: the learning rate r, the
 * factor c that clips gradients, and 1 − beta1^n and 1 − beta2^n at the n-th step. With g = c · gradient:
 *
 *     mean   ← beta1 · mean + (1 − beta1) · g
 *     square ← beta2 · square + (1 − beta2) · g²
 *     parameter ← parameter · (1 − r · decay) − r · (mean / rates[2]) / (√(square / rates[3]) + eps)
 *     gradient ← 0
 *
 * The gradient is left at zero for the sums of the next step. Gives [1], always 0. Source: arXiv:1711.05101.
 */
export const adamw = defineOp<
  [parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, rates_4: Tensor],
  { beta1: number; beta2: number; eps: number; decay: number }
>({
  name: 'adamw',
  arity: 5,
  writesState: true,
  infer(inputs) {
    const [parameter, gradient, mean, square, rates] = inputs;
    const states = [parameter, gradient, mean, square];
    check(
      states.every((one) => one.op === 'state' && sameShape(one.shape, parameter.shape)),
      'adamw',
      inputs,
      'the first four must be states of one shape',
    );
    check(
      rates.type === 'f32' && rates.shape.length === 1 && rates.shape[0] === 4,
      'adamw',
      inputs,
      'the rates must be four floats',
    );
    return { shape: [1], type: 'f32' };
  },
});
