import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { linearGradInput } from './linear-grad-input.ts';
import { linearGradWeight } from './linear-grad-weight.ts';

/** x_TI, weight_OI -> TO: every row times the transposed matrix. No bias: this architecture has none. */
export const linear = defineOp<[x_TI: Tensor, weight_OI: Tensor]>({
  name: 'linear',
  arity: 2,
  rowwise: true,
  joinable: true,
  infer(inputs) {
    const [x, weight] = inputs;
    check(x.shape.length === 2 && weight.shape.length === 2, 'linear', inputs, 'both must be matrices');
    check(
      sameDim(x.shape[1], weight.shape[1]),
      'linear',
      inputs,
      'rows of x and rows of the matrix must be equally long',
    );
    return { shape: [x.shape[0], weight.shape[0]], type: 'f32' };
  },
  multiplies: ({ inputs: [[numRows, width]], output }) => numRows * width * output[1],
  vjp: ({ gradient, inputs: [x, weight] }) => [
    linearGradInput(gradient, weight),
    linearGradWeight(gradient, x),
  ],
});
