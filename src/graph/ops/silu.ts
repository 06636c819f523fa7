import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** z · sigmoid(z), element by element. */
export const silu = defineOp<[z: Tensor]>({
  name: 'silu',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer: ([z]) => ({ shape: z.shape, type: 'f32' }),
});
