import { checkAttentionGradient } from '../attention-shapes.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Gradient of `causalAttention` for the values, which the weights of the softmax decide alone.
 * gradient_TNH, q_TNH, k_TGH, sequences_T -> TGH.
 */
export const causalAttentionGradValue = defineOp<
  [gradient_TNH: Tensor, q_TNH: Tensor, k_TGH: Tensor, sequences_T: Tensor]
>({
  name: 'causalAttentionGradValue',
  arity: 4,
  infer(inputs) {
    const [gradient, q, k, sequences] = inputs;
    checkAttentionGradient('causalAttentionGradValue', inputs, { gradient, q, k, sequences });
    return { shape: k.shape, type: 'f32' };
  },
});
