import { sameDim } from '../dim.ts';
import { check, defineOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * The sequence-wise balance loss is linear in the routers' normalised scores; these are its coefficients, and so its
 * gradient: for expert i and a token of a sequence of n tokens, one of m sequences, of whose n·K choices c fell on i,
 *
 *     factor · (E·c / (K·n)) / (n·m)
 *
 * so that Σ coefficients · scores = factor · mean over sequences of Σ_i f_i · P_i. experts_TK, sequences_T (equal
 * neighbours are one sequence), factor [1] -> [T, numExperts]. Source: DeepSeek-V3, arXiv:2412.19437, equations 17–20.
 */
export const balanceWeights = defineOp<
  [experts_TK: Tensor, sequences_T: Tensor, factor_1: Tensor],
  { numExperts: number }
>({
  name: 'balanceWeights',
  arity: 3,
  infer(inputs, { numExperts }) {
    const [experts, sequences, factor] = inputs;
    check(
      experts.shape.length === 2 &&
        experts.type === 'i32' &&
        sequences.type === 'i32' &&
        sequences.shape.length === 1 &&
        sameDim(experts.shape[0], sequences.shape[0]),
      'balanceWeights',
      inputs,
      'expected the experts and the sequence of each token',
    );
    check(
      factor.type === 'f32' && factor.shape.length === 1 && factor.shape[0] === 1,
      'balanceWeights',
      inputs,
      'the factor must be a single number',
    );
    return { shape: [experts.shape[0], numExperts], type: 'f32' };
  },
});
