import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** The sum of all rows: x_TD -> D. The gradient of a bias that was added to every row. */
export const sumRows = defineOp<[x_TD: Tensor]>({
  name: 'sumRows',
  arity: 1,
  infer(inputs) {
    const [x] = inputs;
    check(x.shape.length === 2 && x.type === 'f32', 'sumRows', inputs, 'expected rows of floats');
    return { shape: [x.shape[1]], type: 'f32' };
  },
});
