import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** Gradient of `silu`: gradient · s · (1 + z · (1 − s)) with s = sigmoid(z), element by element. */
export const siluGrad = defineOp<[gradient: Tensor, z: Tensor]>({
  name: 'siluGrad',
  arity: 2,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    check(sameShape(inputs[0].shape, inputs[1].shape), 'siluGrad', inputs, 'the shapes must be equal');
    return { shape: inputs[0].shape, type: 'f32' };
  },
});
