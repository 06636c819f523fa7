import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { ropeGrad } from './rope-grad.ts';

/**
 * Rotary position embedding on all H dimensions, half-split ("NeoX") pairing: element i turns with element i + H/2.
 * x_TNH, positions_T -> TNH. Angles are position · theta^(−2i/H). Source: arXiv:2104.09864.
 */
export const rope = defineOp<[x_TNH: Tensor, positions_T: Tensor], { theta: number }>({
  name: 'rope',
  arity: 2,
  inPlace: 0,
  infer(inputs) {
    const [x, positions] = inputs;
    check(
      x.shape.length === 3 && (x.shape[2] as number) % 2 === 0,
      'rope',
      inputs,
      'x must be [tokens, heads, even width]',
    );
    check(
      positions.type === 'i32' && sameDim(positions.shape[0], x.shape[0]),
      'rope',
      inputs,
      'there must be one position for each token',
    );
    return { shape: x.shape, type: 'f32' };
  },
  vjp: ({ gradient, inputs: [, positions], attributes }) => [
    ropeGrad(gradient, positions, attributes),
    undefined,
  ],
});
