import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { normalizeRowsGrad } from './normalize-rows-grad.ts';

/** Every row divided by (its sum + eps), so that it sums to one. x_TK -> TK. */
export const normalizeRows = defineOp<[x_TK: Tensor], { eps: number }>({
  name: 'normalizeRows',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    const [x] = inputs;
    check(x.shape.length === 2 && x.type === 'f32', 'normalizeRows', inputs, 'expected rows of floats');
    return { shape: x.shape, type: 'f32' };
  },
  vjp: ({ gradient, inputs: [x], attributes }) => [normalizeRowsGrad(gradient, x, attributes)],
});
