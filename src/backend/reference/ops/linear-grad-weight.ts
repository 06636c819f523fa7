import type { Kernel } from '../kernel.ts';

export const linearGradWeight: Kernel = (call) => {
  const gradient_TO = call.floats(0);
  const x_TI = call.floats(1);
  const [numOut, width] = call.outputShape;
  const numTokens = call.shape(0)[0];
  const sum_I = new Float64Array(width);
  for (let o = 0; o < numOut; o++) {
    sum_I.fill(0);
    for (let t = 0; t < numTokens; t++) {
      const factor = gradient_TO[t * numOut + o];
      for (let i = 0; i < width; i++) sum_I[i] += factor * x_TI[t * width + i];
    }
    call.output.set(sum_I, o * width);
  }
};
