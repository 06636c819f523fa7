import { checkAttentionGradient } from '../attention-shapes.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Gradient of `causalAttention` for the queries. The softmax is computed again: keeping it would take T·T·N numbers.
 * gradient_TNH, q_TNH, k_TGH, v_TGH, sequences_T -> TNH.
 */
export const causalAttentionGradQuery = defineOp<
  [gradient_TNH: Tensor, q_TNH: Tensor, k_TGH: Tensor, v_TGH: Tensor, sequences_T: Tensor]
>({
  name: 'causalAttentionGradQuery',
  arity: 5,
  infer(inputs) {
    const [gradient, q, k, v, sequences] = inputs;
    checkAttentionGradient('causalAttentionGradQuery', inputs, { gradient, q, k, v, sequences });
    return { shape: q.shape, type: 'f32' };
  },
});
