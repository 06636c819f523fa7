import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Each row's entries added into the given columns of a row of zeros; the gradient of `gather`.
 * x_TK, columns_TK -> [T, numColumns].
 */
export const scatterAddColumns = defineOp<[x_TK: Tensor, columns_TK: Tensor], { numColumns: number }>({
  name: 'scatterAddColumns',
  arity: 2,
  rowwise: true,
  infer(inputs, { numColumns }) {
    const [x, columns] = inputs;
    check(
      x.shape.length === 2 && sameShape(x.shape, columns.shape) && columns.type === 'i32',
      'scatterAddColumns',
      inputs,
      'there must be one column for each entry',
    );
    return { shape: [x.shape[0], numColumns], type: 'f32' };
  },
});
