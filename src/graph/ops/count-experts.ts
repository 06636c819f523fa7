import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/** How many tokens chose each expert: experts_TK -> [numExperts], as floats. */
export const countExperts = defineOp<[experts_TK: Tensor], { numExperts: number }>({
  name: 'countExperts',
  arity: 1,
  infer(inputs, { numExperts }) {
    const [experts] = inputs;
    check(
      experts.shape.length === 2 && experts.type === 'i32',
      'countExperts',
      inputs,
      'expected the experts of each token',
    );
    return { shape: [numExperts], type: 'f32' };
  },
});
