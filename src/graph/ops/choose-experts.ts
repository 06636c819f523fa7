import { sameDim } from '../dim.ts';
import { check, defineOp, lastDim } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * `topK(limitGroups(add(scores, bias)))` in one pass: the k experts of each token, best first.
 * scores_TE, bias_E -> TK (integers). See `limitGroups` and `topK` for ties.
 */
export const chooseExperts = defineOp<
  [scores_TE: Tensor, bias_E: Tensor],
  { k: number; numGroups: number; numKept: number }
>({
  name: 'chooseExperts',
  arity: 2,
  rowwise: true,
  infer(inputs, { k, numGroups, numKept }) {
    const [scores, bias] = inputs;
    check(
      scores.shape.length === 2 && sameDim(lastDim(scores), bias.shape[0]),
      'chooseExperts',
      inputs,
      'one bias for each expert',
    );
    const groupSize = (lastDim(scores) as number) / numGroups;
    check(Number.isInteger(groupSize), 'chooseExperts', inputs, `${numGroups} groups must be equally large`);
    check(
      numKept >= 1 && numKept <= numGroups && k >= 1 && k <= groupSize * numKept,
      'chooseExperts',
      inputs,
      `cannot choose ${k} experts in ${numKept} of ${numGroups} groups`,
    );
    return { shape: [scores.shape[0], k], type: 'i32' };
  },
});
