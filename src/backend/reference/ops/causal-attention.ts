import { dot } from '../dot.ts';
import type { Kernel } from '../kernel.ts';
import { softmaxMix } from '../softmax-mix.ts';

export const causalAttention: Kernel = (call) => {
  const [q_TNH, k_TGH, v_TGH] = [call.floats(0), call.floats(1), call.floats(2)];
  const sequences_T = call.integers(3);
  const [numTokens, numHeads, headSize] = call.outputShape;
  const numKeyHeads = call.shape(1)[1];
  const scale = 1 / Math.sqrt(headSize);
  for (let t = 0; t < numTokens; t++) {
    const seen: number[] = [];
    for (let s = 0; s <= t; s++) if (sequences_T[s] === sequences_T[t]) seen.push(s);
    for (let n = 0; n < numHeads; n++) {
      const keyHead = Math.floor((n * numKeyHeads) / numHeads);
      const at = (t * numHeads + n) * headSize;
      const rowOf = (i: number): number => (seen[i] * numKeyHeads + keyHead) * headSize;
      const scores_S = Float64Array.from(seen, (_, i) => dot(q_TNH, at, k_TGH, rowOf(i), headSize) * scale);
      softmaxMix(scores_S, (i) => v_TGH.subarray(rowOf(i), rowOf(i) + headSize), call.output, at, headSize);
    }
  }
};
