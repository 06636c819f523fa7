import { sameShape } from '../dim.ts';
import { check, defineOp, lastDim } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `rmsNorm` for the weight: gradient_TD, x_TD -> D, summed over all rows (any leading axes). */
export const rmsNormGradWeight = defineOp<[gradient_TD: Tensor, x_TD: Tensor], { eps: number }>({
  name: 'rmsNormGradWeight',
  arity: 2,
  infer(inputs) {
    const [gradient, x] = inputs;
    check(
      sameShape(gradient.shape, x.shape),
      'rmsNormGradWeight',
      inputs,
      'the gradient must have the shape of x',
    );
    return { shape: [lastDim(x)], type: 'f32' };
  },
});
