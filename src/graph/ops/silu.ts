import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { siluGrad } from './silu-grad.ts';

/** z · sigmoid(z), element by element. */
export const silu = defineOp<[z: Tensor]>({
  name: 'silu',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    check(inputs[0].type === 'f32', 'silu', inputs, 'the elements must be floats');
    return { shape: inputs[0].shape, type: 'f32' };
  },
  vjp: ({ gradient, inputs: [z] }) => [siluGrad(gradient, z)],
});
