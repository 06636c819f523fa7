import { numElements, sameShape } from '../dim.ts';
import { check, defineOp, isSuffix } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { reshape } from './reshape.ts';
import { sumRows } from './sum-rows.ts';

/** a + b. The shape of b equals the last axes of a, and b is repeated over the others: x_TE + bias_E. */
export const add = defineOp<[a: Tensor, b: Tensor]>({
  name: 'add',
  arity: 2,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    const [a, b] = inputs;
    check(
      isSuffix(b.shape, a.shape),
      'add',
      inputs,
      'the second shape must equal the last axes of the first',
    );
    return { shape: a.shape, type: 'f32' };
  },
  vjp({ gradient, inputs: [a, b] }) {
    if (sameShape(a.shape, b.shape)) return [gradient, gradient];
    const numRows = numElements(a.shape.slice(0, a.shape.length - b.shape.length));
    const rows = reshape(gradient, [numRows, numElements(b.shape)]);
    return [gradient, reshape(sumRows(rows), b.shape)];
  },
});
