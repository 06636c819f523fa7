import type { Kernel } from '../kernel.ts';

export const crossEntropy: Kernel = (call) => {
  const logits_TV = call.floats(0);
  const targets_T = call.integers(1);
  const width = call.shape(0)[1];
  let sum = 0;
  let numCounted = 0;
  targets_T.forEach((target, t) => {
    if (target < 0) return;
    const row_V = logits_TV.subarray(t * width, (t + 1) * width);
    sum += logSumExp(row_V) - row_V[target];
    numCounted++;
  });
  call.output[0] = numCounted === 0 ? 0 : sum / numCounted;
};

/** ln Σ e^x, without overflow. */
export function logSumExp(row_V: Float32Array | Float64Array): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const logit of row_V) max = Math.max(max, logit);
  let sum = 0;
  for (const logit of row_V) sum += Math.exp(logit - max);
  return max + Math.log(sum);
}
