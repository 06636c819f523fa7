import { sameDim, sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Causal attention inside this step only: token t sees the tokens s ≤ t of its own sequence. The training form: no
 * cache, and packed documents do not see each other. q_TNH, k_TGH, v_TGH, sequences_T -> TNH; scaled by 1/sqrt(H).
 */
export const causalAttention = defineOp<[q_TNH: Tensor, k_TGH: Tensor, v_TGH: Tensor, sequences_T: Tensor]>({
  name: 'causalAttention',
  arity: 4,
  infer(inputs) {
    const [q, k, v, sequences] = inputs;
    check(
      q.shape.length === 3 && sameShape(k.shape, v.shape) && k.shape.length === 3,
      'causalAttention',
      inputs,
      'q, k, v must be [tokens, heads, width]',
    );
    check(
      sameDim(q.shape[0], k.shape[0]) && sameDim(q.shape[2], k.shape[2]),
      'causalAttention',
      inputs,
      'queries and keys must be equally many and equally wide',
    );
    check(
      (q.shape[1] as number) % (k.shape[1] as number) === 0,
      'causalAttention',
      inputs,
      'query heads must be a multiple of key heads',
    );
    check(sameDim(sequences.shape[0], q.shape[0]), 'causalAttention', inputs, 'one sequence for each token');
    return { shape: q.shape, type: 'f32' };
  },
});
