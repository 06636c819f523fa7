import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** The sum of the squares of all elements: x (any shape, states too) -> [1]. For the norm of all gradients together. */
export const sumSquares = defineOp<[x: Tensor]>({
  name: 'sumSquares',
  arity: 1,
  infer(inputs) {
    check(inputs[0].type === 'f32', 'sumSquares', inputs, 'the elements must be floats');
    return { shape: [1], type: 'f32' };
  },
});
