import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * `accumulate(sum, scatterAddRows(x, rows))` without a tensor between them: adds each row of x to the row of the state
 * sum_VD that is given for it, several to one in their order. sum_VD, x_TD, rows_T -> [1], always 0.
 */
export const accumulateRows = defineOp<[sum_VD: Tensor, x_TD: Tensor, rows_T: Tensor]>({
  name: 'accumulateRows',
  arity: 3,
  writesState: true,
  infer(inputs) {
    const [sum, x, rows] = inputs;
    check(
      x.shape.length === 2 &&
        rows.shape.length === 1 &&
        rows.type === 'i32' &&
        sameDim(x.shape[0], rows.shape[0]),
      'accumulateRows',
      inputs,
      'expected a matrix and one target for each of its rows',
    );
    check(
      sum.op === 'state' && sum.shape.length === 2 && sameDim(sum.shape[1], x.shape[1]),
      'accumulateRows',
      inputs,
      'the sum must be a state whose rows are as long',
    );
    return { shape: [1], type: 'f32' };
  },
});
