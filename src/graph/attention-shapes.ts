import { sameDim, sameShape } from './dim.ts';
import { check } from './op.ts';
import type { Tensor } from './tensor.ts';

/** What every op on queries and keys of one step asks: [T,N,H] and [T,G,H], N a multiple of G. */
export function checkHeads(op: string, inputs: readonly Tensor[], q_TNH: Tensor, k_TGH: Tensor): void {
  check(
    q_TNH.shape.length === 3 && k_TGH.shape.length === 3,
    op,
    inputs,
    'queries and keys must be [tokens, heads, width]',
  );
  check(
    sameDim(q_TNH.shape[0], k_TGH.shape[0]) && sameDim(q_TNH.shape[2], k_TGH.shape[2]),
    op,
    inputs,
    'queries and keys must be equally many and equally wide',
  );
  check(
    (q_TNH.shape[1] as number) % (k_TGH.shape[1] as number) === 0,
    op,
    inputs,
    'query heads must be a multiple of key heads',
  );
}

/** What gradients of causal attention ask: the above, a gradient like the queries, values like the keys, sequences. */
export function checkAttentionGradient(
  op: string,
  inputs: readonly Tensor[],
  parts: { gradient: Tensor; q: Tensor; k: Tensor; v?: Tensor; sequences: Tensor },
): void {
  const { gradient, q, k, v = k, sequences } = parts;
  checkHeads(op, inputs, q, k);
  check(
    sameShape(gradient.shape, q.shape) && sameShape(k.shape, v.shape),
    op,
    inputs,
    'the gradient must have the shape of the queries, the values that of the keys',
  );
  check(
    sequences.type === 'i32' && sameDim(sequences.shape[0], q.shape[0]),
    op,
    inputs,
    'one sequence for each token',
  );
}
