import { checkHeads } from '../attention-shapes.ts';
import { type Dim, sameDim, sameShape } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { causalAttentionGrad } from './causal-attention-grad.ts';
import { reshape } from './reshape.ts';
import { takeColumns } from './take-columns.ts';

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
    const packed = causalAttentionGrad(gradient, q, k, v, sequences);
    const [numTokens, numHeads, headSize] = packed.shape as [Dim, number, number];
    const columns = reshape(packed, [numTokens, numHeads * headSize]);
    let first = 0;
    const next = (heads: Tensor): Tensor => {
      const count = (heads.shape[1] as number) * headSize;
      const taken = takeColumns(columns, { first, count });
      first += count;
      return reshape(taken, heads.shape);
    };
    return [next(q), next(k), next(v), undefined];
  },
});
