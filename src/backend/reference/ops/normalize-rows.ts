import type { Kernel } from '../kernel.ts';

export const normalizeRows: Kernel = (call) => {
  const x_TK = call.floats(0);
  const eps = call.number('eps');
  const width = call.outputShape[1];
  for (let start = 0; start < x_TK.length; start += width) {
    let sum = eps;
    for (let i = 0; i < width; i++) sum += x_TK[start + i];
    for (let i = 0; i < width; i++) call.output[start + i] = x_TK[start + i] / sum;
  }
};
