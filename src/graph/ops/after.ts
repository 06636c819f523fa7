import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * x itself, but not before `other` is there: what is computed from it waits. Costs nothing. Recomputation needs it, since
 * the inputs of a layer are there long before the layer is recomputed.
 */
export const after = defineOp<[x: Tensor, other: Tensor]>({
  name: 'after',
  arity: 2,
  aliasOf: 0,
  infer(inputs) {
    const [x] = inputs;
    check(x.type === 'f32', 'after', inputs, 'the elements must be floats');
    return { shape: x.shape, type: x.type };
  },
});
