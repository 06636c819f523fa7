import { dot } from '../dot.ts';
import type { Kernel } from '../kernel.ts';

export const weightedSumGradWeights: Kernel = (call) => {
  const gradient_TD = call.floats(0);
  const y_RD = call.floats(1);
  const [numTokens, k] = call.outputShape;
  const width = call.shape(0)[1];
  for (let r = 0; r < numTokens * k; r++) {
    call.output[r] = dot(gradient_TD, Math.floor(r / k) * width, y_RD, r * width, width);
  }
};
