import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * One step of Muon on three states of one shape, a matrix [rows, cols] or a stack of them [E, rows, cols], each for itself.
 * `rates` are four floats as `adamw` takes them: the learning rate r, the factor c that clips gradients, and two that are
 * not used. With g = c · gradient and β the `momentum`:
 *
 *     mean ← β · mean + g
 *     X    ← (β · mean + g) / ‖β · mean + g‖                    (Frobenius)
 *     five times: X ← 3.4445 X − 4.7750 (X Xᵀ) X + 2.0315 (X Xᵀ)² X
 *     parameter ← parameter · (1 − r · decay) − r · 0.2 · √max(rows, cols) · X
 *     gradient ← 0
 *
 * X comes near the orthogonal matrix closest to the mean, so that all its directions are learned at one speed; the factor
 * before it makes a step as long as AdamW's, and one learning rate serves both. Gives [1], always 0. Sources: Jordan et
 * al. 2024 (the iteration and its coefficients), arXiv:2502.16982 (decay and length).
 */
export const muon = defineOp<
  [parameter: Tensor, gradient: Tensor, mean: Tensor, rates_4: Tensor],
  { momentum: number; decay: number }
>({
  name: 'muon',
  arity: 4,
  writesState: true,
  infer(inputs) {
    const [parameter, gradient, mean, rates] = inputs;
    check(
      [parameter, gradient, mean].every((one) => one.op === 'state' && sameShape(one.shape, parameter.shape)),
      'muon',
      inputs,
      'the first three must be states of one shape',
    );
    check(
      parameter.shape.length === 2 || parameter.shape.length === 3,
      'muon',
      inputs,
      'a parameter must be a matrix or a stack of matrices',
    );
    check(
      rates.type === 'f32' && rates.shape.length === 1 && rates.shape[0] === 4,
      'muon',
      inputs,
      'the rates must be four floats',
    );
    return { shape: [1], type: 'f32' };
  },
});
