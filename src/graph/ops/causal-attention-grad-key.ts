import { checkAttentionGradient } from '../attention-shapes.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Gradient of `causalAttention` for the keys; query heads that share a key head add up.
 * gradient_TNH, q_TNH, k_TGH, v_TGH, sequences_T -> TGH.
 */
export const causalAttentionGradKey = defineOp<
  [gradient_TNH: Tensor, q_TNH: Tensor, k_TGH: Tensor, v_TGH: Tensor, sequences_T: Tensor]
>({
  name: 'causalAttentionGradKey',
  arity: 5,
  infer(inputs) {
    const [gradient, q, k, v, sequences] = inputs;
    checkAttentionGradient('causalAttentionGradKey', inputs, { gradient, q, k, v, sequences });
    return { shape: k.shape, type: 'f32' };
  },
});
