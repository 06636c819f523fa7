import type { Kernel } from '../kernel.ts';

/** The row's largest value is subtracted first: e^x of large x is infinite, shares do not change. */
export const softmax: Kernel = (call) => {
  const x_TE = call.floats(0);
  const width = call.outputShape[1];
  for (let start = 0; start < x_TE.length; start += width) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < width; i++) largest = Math.max(largest, x_TE[start + i]);
    let sum = 0;
    for (let i = 0; i < width; i++) sum += Math.exp(x_TE[start + i] - largest);
    for (let i = 0; i < width; i++) call.output[start + i] = Math.exp(x_TE[start + i] - largest) / sum;
  }
};
