import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** `count` columns beginning with `first`: x_TC -> [T, count]. Takes apart what an op had to give in one tensor. */
export const takeColumns = defineOp<[x_TC: Tensor], { first: number; count: number }>({
  name: 'takeColumns',
  arity: 1,
  rowwise: true,
  infer(inputs, { first, count }) {
    const [x] = inputs;
    check(x.shape.length === 2 && x.type === 'f32', 'takeColumns', inputs, 'expected rows of floats');
    check(
      first >= 0 && count >= 1 && first + count <= (x.shape[1] as number),
      'takeColumns',
      inputs,
      `there are no columns ${first} to ${first + count - 1}`,
    );
    return { shape: [x.shape[0], count], type: 'f32' };
  },
});
