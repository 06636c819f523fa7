import type { Kernel } from '../kernel.ts';

export const limitGroups: Kernel = (call) => {
  const choice_TE = call.floats(0);
  const [numTokens, numExperts] = call.outputShape;
  for (let t = 0; t < numTokens; t++) {
    const row = choice_TE.subarray(t * numExperts, (t + 1) * numExperts);
    call.output.set(keepBestGroups(row, call.number('numGroups'), call.number('numKept')), t * numExperts);
  }
};

/** A copy of the row in which only the best groups are left; ties go to the lower group. */
export function keepBestGroups(row_E: Float32Array, numGroups: number, numKept: number): Float32Array {
  const groupSize = row_E.length / numGroups;
  const groups = Array.from({ length: numGroups }, (_, group) => {
    const sorted = row_E
      .slice(group * groupSize, (group + 1) * groupSize)
      .sort()
      .reverse();
    return { group, score: sorted[0] + (sorted.length > 1 ? sorted[1] : 0) };
  });
  groups.sort((a, b) => b.score - a.score || a.group - b.group);
  const kept = new Float32Array(row_E.length).fill(Number.NEGATIVE_INFINITY);
  for (const { group } of groups.slice(0, numKept)) {
    kept.set(row_E.subarray(group * groupSize, (group + 1) * groupSize), group * groupSize);
  }
  return kept;
}
