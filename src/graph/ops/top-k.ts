import { check, defineOp, lastDim } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Columns of the k largest entries of each row, largest first, ties to the lower column. x_TE -> TK (integers). */
export const topK = defineOp<[x_TE: Tensor], { k: number }>({
  name: 'topK',
  arity: 1,
  rowwise: true,
  infer(inputs, { k }) {
    const [x] = inputs;
    check(
      x.shape.length === 2 && k >= 1 && k <= (lastDim(x) as number),
      'topK',
      inputs,
      `cannot choose ${k} columns`,
    );
    return { shape: [x.shape[0], k], type: 'i32' };
  },
});
