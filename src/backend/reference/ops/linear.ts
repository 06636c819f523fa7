import { dot } from '../dot.ts';
import type { Kernel } from '../kernel.ts';

export const linear: Kernel = (call) => {
  const x_TI = call.floats(0);
  const row = call.rows(1);
  const [numTokens, numOut] = call.outputShape;
  const width = call.shape(0)[1];
  // Rows outside, tokens inside: each row of the matrix is decoded once.
  for (let o = 0; o < numOut; o++) {
    const weight_I = row(o);
    for (let t = 0; t < numTokens; t++)
      call.output[t * numOut + o] = dot(x_TI, t * width, weight_I, 0, width);
  }
};
