import type { Kernel } from '../kernel.ts';

export const weightedSumGradRows: Kernel = (call) => {
  const gradient_TD = call.floats(0);
  const weights_TK = call.floats(1);
  const [numRouted, width] = call.outputShape;
  const k = call.shape(1)[1];
  for (let r = 0; r < numRouted; r++) {
    const from = Math.floor(r / k) * width;
    for (let i = 0; i < width; i++) call.output[r * width + i] = weights_TK[r] * gradient_TD[from + i];
  }
};
