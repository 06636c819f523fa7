import { sameDim, sameShape } from '../dim.ts';
import { check, defineOp, lastDim } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `rmsNorm` for x: gradient_TD, x_TD, weight_D -> TD (any leading axes). */
export const rmsNormGradInput = defineOp<
  [gradient_TD: Tensor, x_TD: Tensor, weight_D: Tensor],
  { eps: number }
>({
  name: 'rmsNormGradInput',
  arity: 3,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    const [gradient, x, weight] = inputs;
    check(
      sameShape(gradient.shape, x.shape) && weight.shape.length === 1 && sameDim(lastDim(x), weight.shape[0]),
      'rmsNormGradInput',
      inputs,
      'the gradient must have the shape of x, and the weight be as long as a row',
    );
    return { shape: x.shape, type: 'f32' };
  },
});
