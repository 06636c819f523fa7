import { checkAttentionGradient } from '../attention-shapes.ts';
import { defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Gradients of `causalAttention` for queries, keys and values, side by side: heads 0…N−1 are the queries', the next G the
 * keys', the last G the values'. The softmax is recomputed, once for all three: keeping it would take T·T·N numbers.
 * gradient_TNH, q_TNH, k_TGH, v_TGH, sequences_T -> [T, N+2G, H]. Query heads that share a key head add up.
 */
export const causalAttentionGrad = defineOp<
  [gradient_TNH: Tensor, q_TNH: Tensor, k_TGH: Tensor, v_TGH: Tensor, sequences_T: Tensor]
>({
  name: 'causalAttentionGrad',
  arity: 5,
  infer(inputs) {
    const [gradient, q, k, v, sequences] = inputs;
    checkAttentionGradient('causalAttentionGrad', inputs, { gradient, q, k, v, sequences });
    const [numTokens, numHeads, headSize] = q.shape;
    return {
      shape: [numTokens, (numHeads as number) + 2 * (k.shape[1] as number), headSize],
      type: 'f32',
    };
  },
});
