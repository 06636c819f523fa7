import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `normalizeRows`: gradient_TK, x_TK -> TK. */
export const normalizeRowsGrad = defineOp<[gradient_TK: Tensor, x_TK: Tensor], { eps: number }>({
  name: 'normalizeRowsGrad',
  arity: 2,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    const [gradient, x] = inputs;
    check(
      x.shape.length === 2 && sameShape(gradient.shape, x.shape),
      'normalizeRowsGrad',
      inputs,
      'both must be matrices of one shape',
    );
    return { shape: x.shape, type: 'f32' };
  },
});
