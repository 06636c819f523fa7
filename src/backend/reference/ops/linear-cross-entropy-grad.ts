import { dot } from '../dot.ts';
import type { Kernel } from '../kernel.ts';
import { logSumExp } from './cross-entropy.ts';

export const linearCrossEntropyGrad: Kernel = (call) => {
  const [sum_VD, x_TD] = [call.floats(0), call.floats(1)];
  const [targets_T, weights_T] = [call.integers(3), call.floats(4)];
  const row = call.rows(2);
  const [numWords, width] = call.shape(2);
  const matrixSum_VD = new Float64Array(sum_VD.length);
  targets_T.forEach((target, t) => {
    const sum_D = new Float64Array(width + 1);
    if (target >= 0 && weights_T[t] !== 0) {
      const logits_V = Float64Array.from({ length: numWords }, (_, v) =>
        dot(x_TD, t * width, row(v), 0, width),
      );
      const total = logSumExp(logits_V);
      sum_D[width] = weights_T[t] * (total - logits_V[target]);
      for (let v = 0; v < numWords; v++) {
        const factor = weights_T[t] * (Math.exp(logits_V[v] - total) - (v === target ? 1 : 0));
        const weight_D = row(v);
        for (let i = 0; i < width; i++) {
          sum_D[i] += factor * weight_D[i];
          matrixSum_VD[v * width + i] += factor * x_TD[t * width + i];
        }
      }
    }
    call.output.set(sum_D, t * (width + 1));
  });
  for (let i = 0; i < sum_VD.length; i++) sum_VD[i] += matrixSum_VD[i];
};
