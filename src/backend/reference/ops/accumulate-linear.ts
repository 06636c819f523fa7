import type { Kernel } from '../kernel.ts';

export const accumulateLinear: Kernel = (call) => {
  const [state_OI, gradient_TO, x_TI] = [call.floats(0), call.floats(1), call.floats(2)];
  const [numOut, width] = call.shape(0);
  const numTokens = call.shape(1)[0];
  const sum_I = new Float64Array(width);
  for (let o = 0; o < numOut; o++) {
    sum_I.fill(0);
    for (let t = 0; t < numTokens; t++) {
      const factor = gradient_TO[t * numOut + o];
      for (let i = 0; i < width; i++) sum_I[i] += factor * x_TI[t * width + i];
    }
    for (let i = 0; i < width; i++) state_OI[o * width + i] += sum_I[i];
  }
  call.output[0] = 0;
};
