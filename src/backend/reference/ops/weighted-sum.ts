import type { Kernel } from '../kernel.ts';

export const weightedSum: Kernel = (call) => {
  const y_RD = call.floats(0);
  const weights_TK = call.floats(1);
  const [numTokens, width] = call.outputShape;
  const k = call.shape(1)[1];
  for (let t = 0; t < numTokens; t++) {
    for (let i = 0; i < width; i++) {
      let sum = 0;
      for (let slot = 0; slot < k; slot++) {
        const r = t * k + slot;
        sum += weights_TK[r] * y_RD[r * width + i];
      }
      call.output[t * width + i] = sum;
    }
  }
};
