import { check, defineOp, lastDim } from '../op.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Group-limited routing: experts form `numGroups` equal groups; a group's score is the sum of its two largest
 * entries; only the `numKept` best groups stay in the race, all other entries become −∞ (not 0: a biased score may be
 * negative). choice_TE -> TE. Ties between groups go to the lower group. Source: DeepSeek-V3, arXiv:2412.19437.
 */
export const limitGroups = defineOp<[choice_TE: Tensor], { numGroups: number; numKept: number }>({
  name: 'limitGroups',
  arity: 1,
  rowwise: true,
  inPlace: 0,
  infer(inputs, { numGroups, numKept }) {
    const width = lastDim(inputs[0]);
    check(
      typeof width === 'number' && width % numGroups === 0,
      'limitGroups',
      inputs,
      `${numGroups} groups must be equally large`,
    );
    check(
      numKept >= 1 && numKept <= numGroups,
      'limitGroups',
      inputs,
      `cannot keep ${numKept} of ${numGroups} groups`,
    );
    return { shape: inputs[0].shape, type: 'f32' };
  },
});
