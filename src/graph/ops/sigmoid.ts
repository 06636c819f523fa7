import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** 1 / (1 + e^−z), element by element. */
export const sigmoid = defineOp<[z: Tensor]>({
  name: 'sigmoid',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer: ([z]) => ({ shape: z.shape, type: 'f32' }),
});
