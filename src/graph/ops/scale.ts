import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Every element times one number. */
export const scale = defineOp<[x: Tensor], { factor: number }>({
  name: 'scale',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer: ([x]) => ({ shape: x.shape, type: 'f32' }),
});
