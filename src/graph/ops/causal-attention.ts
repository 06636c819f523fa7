import { checkHeads } from '../attention-shapes.ts';
import { sameDim, sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { causalAttentionGradKey } from './causal-attention-grad-key.ts';
import { causalAttentionGradQuery } from './causal-attention-grad-query.ts';
import { causalAttentionGradValue } from './causal-attention-grad-value.ts';

/**
 * Causal attention inside this step only: token t sees the tokens s ≤ t of its own sequence. The training form: no
 * cache, and packed documents do not see each other. q_TNH, k_TGH, v_TGH, sequences_T -> TNH; scaled by 1/sqrt(H).
 */
export const causalAttention = defineOp<[q_TNH: Tensor, k_TGH: Tensor, v_TGH: Tensor, sequences_T: Tensor]>({
  name: 'causalAttention',
  arity: 4,
  infer(inputs) {
    const [q, k, v, sequences] = inputs;
    checkHeads('causalAttention', inputs, q, k);
    check(sameShape(k.shape, v.shape), 'causalAttention', inputs, 'k and v must have one shape');
    check(sameDim(sequences.shape[0], q.shape[0]), 'causalAttention', inputs, 'one sequence for each token');
    return { shape: q.shape, type: 'f32' };
  },
  vjp({ gradient, inputs: [q, k, v, sequences] }) {
    return [
      causalAttentionGradQuery(gradient, q, k, v, sequences),
      causalAttentionGradKey(gradient, q, k, v, sequences),
      causalAttentionGradValue(gradient, q, k, sequences),
      undefined,
    ];
  },
});
