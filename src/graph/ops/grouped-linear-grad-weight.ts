import { multiplyDim, sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Gradient of `groupedLinear` for the matrices: gradient_RO, x, experts_TK -> EOI, where x is one row for each token
 * (x_TI) or for each routed row (x_RI). The matrix of an expert that nobody chose gets zeros.
 */
export const groupedLinearGradWeight = defineOp<
  [gradient_RO: Tensor, x: Tensor, experts_TK: Tensor],
  { numExperts: number }
>({
  name: 'groupedLinearGradWeight',
  arity: 3,
  infer(inputs, { numExperts }) {
    const [gradient, x, experts] = inputs;
    check(
      gradient.shape.length === 2 &&
        x.shape.length === 2 &&
        experts.shape.length === 2 &&
        experts.type === 'i32',
      'groupedLinearGradWeight',
      inputs,
      'expected rows, rows, and chosen experts',
    );
    const numRouted = multiplyDim(experts.shape[0], experts.shape[1] as number);
    check(
      sameDim(gradient.shape[0], numRouted),
      'groupedLinearGradWeight',
      inputs,
      'the gradient must have a row for each routed row',
    );
    check(
      sameDim(x.shape[0], experts.shape[0]) || sameDim(x.shape[0], numRouted),
      'groupedLinearGradWeight',
      inputs,
      'x must have a row for each token or for each routed row',
    );
    return { shape: [numExperts, gradient.shape[1], x.shape[1]], type: 'f32' };
  },
});
