import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { scatterAddRows } from './scatter-add-rows.ts';

/** Rows of a table: table_VD, ids_T -> TD. */
export const embedding = defineOp<[table_VD: Tensor, ids_T: Tensor]>({
  name: 'embedding',
  arity: 2,
  infer(inputs) {
    const [table, ids] = inputs;
    check(table.shape.length === 2, 'embedding', inputs, 'the table must be a matrix');
    check(
      ids.shape.length === 1 && ids.type === 'i32',
      'embedding',
      inputs,
      'the ids must be a list of integers',
    );
    return { shape: [ids.shape[0], table.shape[1]], type: 'f32' };
  },
  reads: ({ output: [numTokens, width] }) => numTokens * width,
  vjp: ({ gradient, inputs: [table, ids] }) => [scatterAddRows(gradient, ids, table.shape[0]), undefined],
});
