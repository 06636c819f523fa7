import type { Kernel } from '../kernel.ts';
import { logSumExp } from './cross-entropy.ts';

export const crossEntropyGrad: Kernel = (call) => {
  const [gradient] = call.floats(0);
  const logits_TV = call.floats(1);
  const targets_T = call.integers(2);
  const width = call.outputShape[1];
  const numCounted = targets_T.reduce((count, target) => (target < 0 ? count : count + 1), 0);
  targets_T.forEach((target, t) => {
    const start = t * width;
    if (target < 0) {
      call.output.fill(0, start, start + width);
      return;
    }
    const normalizer = logSumExp(logits_TV.subarray(start, start + width));
    for (let i = 0; i < width; i++) {
      const probability = Math.exp(logits_TV[start + i] - normalizer);
      const error = i === target ? probability - 1 : probability;
      call.output[start + i] = (error * gradient) / numCounted;
    }
  });
};
