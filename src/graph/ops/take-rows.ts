import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { scatterAddRows } from './scatter-add-rows.ts';

/** Some rows, in the given order: x_TD, rows_O -> OD. Used to compute logits only where they are requested. */
export const takeRows = defineOp<[x_TD: Tensor, rows_O: Tensor]>({
  name: 'takeRows',
  arity: 2,
  infer(inputs) {
    const [x, rows] = inputs;
    check(
      x.shape.length === 2 && rows.shape.length === 1 && rows.type === 'i32',
      'takeRows',
      inputs,
      'expected a matrix and a list of rows',
    );
    return { shape: [rows.shape[0], x.shape[1]], type: x.type };
  },
  vjp: ({ gradient, inputs: [x, rows] }) => [scatterAddRows(gradient, rows, x.shape[0]), undefined],
});
