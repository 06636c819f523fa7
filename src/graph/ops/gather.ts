import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { scatterAddColumns } from './scatter-add-columns.ts';

/** Entries of each row at the given columns. x_TE, columns_TK -> TK. */
export const gather = defineOp<[x_TE: Tensor, columns_TK: Tensor]>({
  name: 'gather',
  arity: 2,
  rowwise: true,
  infer(inputs) {
    const [x, columns] = inputs;
    check(
      x.shape.length === 2 &&
        columns.shape.length === 2 &&
        columns.type === 'i32' &&
        sameDim(x.shape[0], columns.shape[0]),
      'gather',
      inputs,
      'there must be one row of columns for each row',
    );
    return { shape: columns.shape, type: 'f32' };
  },
  vjp: ({ gradient, inputs: [x, columns] }) => [
    scatterAddColumns(gradient, columns, { numColumns: x.shape[1] as number }),
    undefined,
  ],
});
