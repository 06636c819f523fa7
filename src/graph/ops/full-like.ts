import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** One number everywhere, in the shape of x; x's values are not read. Where a walk back through a graph begins. */
export const fullLike = defineOp<[x: Tensor], { value: number }>({
  name: 'fullLike',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    check(inputs[0].type === 'f32', 'fullLike', inputs, 'the elements must be floats');
    return { shape: inputs[0].shape, type: 'f32' };
  },
});
