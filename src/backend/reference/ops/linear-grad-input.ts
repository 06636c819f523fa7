import type { Kernel } from '../kernel.ts';

export const linearGradInput: Kernel = (call) => {
  const gradient_TO = call.floats(0);
  const row = call.rows(1);
  const [numTokens, width] = call.outputShape;
  const numOut = call.shape(0)[1];
  const sum_TI = new Float64Array(numTokens * width);
  // Rows outside, tokens inside: each row of the matrix is decoded once.
  for (let o = 0; o < numOut; o++) {
    const weight_I = row(o);
    for (let t = 0; t < numTokens; t++) {
      const factor = gradient_TO[t * numOut + o];
      for (let i = 0; i < width; i++) sum_TI[t * width + i] += factor * weight_I[i];
    }
  }
  call.output.set(sum_TI);
};
