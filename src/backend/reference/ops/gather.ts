import type { Kernel } from '../kernel.ts';

export const gather: Kernel = (call) => {
  const x_TE = call.floats(0);
  const columns_TK = call.integers(1);
  const width = call.shape(0)[1];
  const k = call.outputShape[1];
  columns_TK.forEach((column, i) => {
    call.output[i] = x_TE[Math.floor(i / k) * width + column];
  });
};
