import { multiplyDim, sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Gradient of `groupedLinear` for x: gradient_RO, weight_EOI, experts_TK -> RI with `slotsPerRow` 1, or, where x was
 * one row for each token, TI with `slotsPerRow` K: the gradients of a token's slots are summed in slot order.
 */
export const groupedLinearGradInput = defineOp<
  [gradient_RO: Tensor, weight_EOI: Tensor, experts_TK: Tensor],
  { slotsPerRow: number }
>({
  name: 'groupedLinearGradInput',
  arity: 3,
  rowwise: true,
  infer(inputs, { slotsPerRow }) {
    const [gradient, weight, experts] = inputs;
    check(
      gradient.shape.length === 2 &&
        weight.shape.length === 3 &&
        experts.shape.length === 2 &&
        experts.type === 'i32',
      'groupedLinearGradInput',
      inputs,
      'expected rows, one matrix for each expert, and chosen experts',
    );
    const [numTokens, k] = [experts.shape[0], experts.shape[1] as number];
    check(
      sameDim(gradient.shape[0], multiplyDim(numTokens, k)) && sameDim(gradient.shape[1], weight.shape[1]),
      'groupedLinearGradInput',
      inputs,
      'the gradient must have a row for each routed row, as long as a matrix has rows',
    );
    check(
      slotsPerRow === 1 || slotsPerRow === k,
      'groupedLinearGradInput',
      inputs,
      `slotsPerRow must be 1 or ${k}, not ${slotsPerRow}`,
    );
    return { shape: [multiplyDim(numTokens, k / slotsPerRow), weight.shape[2]], type: 'f32' };
  },
});
