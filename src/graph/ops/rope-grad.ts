import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `rope`: the same rotation backwards, by −angle. gradient_TNH, positions_T -> TNH. */
export const ropeGrad = defineOp<[gradient_TNH: Tensor, positions_T: Tensor], { theta: number }>({
  name: 'ropeGrad',
  arity: 2,
  inPlace: 0,
  infer(inputs) {
    const [gradient, positions] = inputs;
    check(
      gradient.shape.length === 3 && (gradient.shape[2] as number) % 2 === 0,
      'ropeGrad',
      inputs,
      'the gradient must be [tokens, heads, even width]',
    );
    check(
      positions.type === 'i32' && sameDim(positions.shape[0], gradient.shape[0]),
      'ropeGrad',
      inputs,
      'there must be one position for each token',
    );
    return { shape: gradient.shape, type: 'f32' };
  },
});
