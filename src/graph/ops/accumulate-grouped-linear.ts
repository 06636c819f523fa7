import { multiplyDim, sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * `accumulate(sum, groupedLinearGradWeight(gradient, x, experts))` without a tensor between them: adds to each expert's
 * matrix the sum over its routed rows of gradient ⊗ x. The matrix of an expert that nobody chose is left alone.
 * sum_EOI (state), gradient_RO, x_TI or x_RI, experts_TK -> [1], always 0.
 */
export const accumulateGroupedLinear = defineOp<
  [sum_EOI: Tensor, gradient_RO: Tensor, x: Tensor, experts_TK: Tensor]
>({
  name: 'accumulateGroupedLinear',
  arity: 4,
  writesState: true,
  infer(inputs) {
    const [sum, gradient, x, experts] = inputs;
    check(
      gradient.shape.length === 2 &&
        x.shape.length === 2 &&
        experts.shape.length === 2 &&
        experts.type === 'i32',
      'accumulateGroupedLinear',
      inputs,
      'expected rows, rows, and chosen experts',
    );
    const numRouted = multiplyDim(experts.shape[0], experts.shape[1] as number);
    check(
      sameDim(gradient.shape[0], numRouted) &&
        (sameDim(x.shape[0], experts.shape[0]) || sameDim(x.shape[0], numRouted)),
      'accumulateGroupedLinear',
      inputs,
      'the gradient must have a row for each routed row, x for each token or for each routed row',
    );
    check(
      sum.op === 'state' &&
        sum.shape.length === 3 &&
        sameDim(sum.shape[1], gradient.shape[1]) &&
        sameDim(sum.shape[2], x.shape[1]),
      'accumulateGroupedLinear',
      inputs,
      'the sum must be a state with one matrix for each expert',
    );
    return { shape: [1], type: 'f32' };
  },
});
