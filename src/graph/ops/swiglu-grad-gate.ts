import { sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Gradient of `swiglu` for the gate: gradient · up · s · (1 + z · (1 − s)) with z the gate and s = sigmoid(z), element by
 * element. That for `up` is `swiglu(gate, gradient)`.
 */
export const swigluGradGate = defineOp<[gradient: Tensor, gate: Tensor, up: Tensor]>({
  name: 'swigluGradGate',
  arity: 3,
  rowwise: true,
  inPlace: 0,
  infer(inputs) {
    const [gradient, gate, up] = inputs;
    check(
      sameShape(gradient.shape, gate.shape) && sameShape(gate.shape, up.shape),
      'swigluGradGate',
      inputs,
      'the shapes must be equal',
    );
    return { shape: gate.shape, type: 'f32' };
  },
});
