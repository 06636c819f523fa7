import { type Dim, sameDim } from '../dim.ts';
import { check, defineOp, type Op } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** A symbolic axis cannot travel as an attribute, so `numRows` is split into factor and symbol ('' for a plain number). */
const scatterAddRowsOp: Op<[x_OD: Tensor, rows_O: Tensor], { times: number; symbol: string }> = defineOp({
  name: 'scatterAddRows',
  arity: 2,
  infer(inputs, { times, symbol }) {
    const [x, rows] = inputs;
    check(
      x.shape.length === 2 &&
        rows.shape.length === 1 &&
        rows.type === 'i32' &&
        sameDim(x.shape[0], rows.shape[0]),
      'scatterAddRows',
      inputs,
      'expected a matrix and one target for each of its rows',
    );
    return { shape: [symbol === '' ? times : { symbol, times }, x.shape[1]], type: 'f32' };
  },
});

/**
 * Rows added into the given rows of a matrix of zeros, where several may be added to one; the gradient of `embedding` and
 * `takeRows`. x_OD, rows_O -> [numRows, D].
 */
export const scatterAddRows = Object.assign(
  (x_OD: Tensor, rows_O: Tensor, numRows: Dim): Tensor =>
    scatterAddRowsOp(
      x_OD,
      rows_O,
      typeof numRows === 'number' ? { times: numRows, symbol: '' } : { ...numRows },
    ),
  { facts: scatterAddRowsOp.facts },
);
