import { dot } from '../dot.ts';
import type { Kernel } from '../kernel.ts';
import { logSumExp } from './cross-entropy.ts';

export const linearCrossEntropy: Kernel = (call) => {
  const [x_TD, targets_T, weights_T] = [call.floats(0), call.integers(2), call.floats(3)];
  const row = call.rows(1);
  const [numWords, width] = call.shape(1);
  targets_T.forEach((target, t) => {
    call.output[t] = 0;
    if (target < 0 || weights_T[t] === 0) return;
    const logits_V = Float64Array.from({ length: numWords }, (_, v) =>
      dot(x_TD, t * width, row(v), 0, width),
    );
    call.output[t] = weights_T[t] * (logSumExp(logits_V) - logits_V[target]);
  });
};
