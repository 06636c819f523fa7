import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Every element times one number. */
export const scale = defineOp<[x: Tensor], { factor: number }>({
  name: 'scale',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    check(inputs[0].type === 'f32', 'scale', inputs, 'the elements must be floats');
    return { shape: inputs[0].shape, type: 'f32' };
  },
  vjp: ({ gradient, attributes }): Tensor[] => [scale(gradient, attributes)],
});
