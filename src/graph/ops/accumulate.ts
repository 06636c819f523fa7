import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Adds x to the state sum, of one shape with it. Gives [1], always 0: an op must give something. */
export const accumulate = defineOp<[sum: Tensor, x: Tensor]>({
  name: 'accumulate',
  arity: 2,
  writesState: true,
  infer(inputs) {
    const [sum, x] = inputs;
    check(
      sum.op === 'state' && sameShape(sum.shape, x.shape),
      'accumulate',
      inputs,
      'the sum must be a state of the same shape',
    );
    return { shape: [1], type: 'f32' };
  },
});
