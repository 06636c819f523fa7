import type { Kernel } from '../kernel.ts';
import { keepBestGroups } from './limit-groups.ts';
import { largestColumns } from './top-k.ts';

export const chooseExperts: Kernel = (call) => {
  const scores_TE = call.floats(0);
  const bias_E = call.floats(1);
  const numExperts = bias_E.length;
  const k = call.number('k');
  for (let t = 0; t < call.outputShape[0]; t++) {
    const biased_E = bias_E.map((bias, e) => scores_TE[t * numExperts + e] + bias);
    const kept_E = keepBestGroups(biased_E, call.number('numGroups'), call.number('numKept'));
    call.outputIntegers.set(largestColumns(kept_E, k), t * k);
  }
};
