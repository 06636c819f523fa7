import { sameDim } from '../dim.ts';
import { check, defineOp, lastDim } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { rmsNormGradInput } from './rms-norm-grad-input.ts';
import { rmsNormGradWeight } from './rms-norm-grad-weight.ts';

/** Normalise rows to unit root mean square. x_TD, w_D -> TD (any leading axes). Source: arXiv:1910.07467. */
export const rmsNorm = defineOp<[x_TD: Tensor, weight_D: Tensor], { eps: number }>({
  name: 'rmsNorm',
  arity: 2,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    const [x, weight] = inputs;
    check(
      weight.shape.length === 1 && sameDim(lastDim(x), weight.shape[0]),
      'rmsNorm',
      inputs,
      'the weight must be as long as a row',
    );
    return { shape: x.shape, type: 'f32' };
  },
  vjp: ({ gradient, inputs: [x, weight], attributes }) => [
    rmsNormGradInput(gradient, x, weight, attributes),
    rmsNormGradWeight(gradient, x, attributes),
  ],
});
