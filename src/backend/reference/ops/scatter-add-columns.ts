import type { Kernel } from '../kernel.ts';

export const scatterAddColumns: Kernel = (call) => {
  const x_TK = call.floats(0);
  const columns_TK = call.integers(1);
  const width = call.outputShape[1];
  const k = call.shape(0)[1];
  const sum_TE = new Float64Array(call.output.length);
  columns_TK.forEach((column, i) => {
    sum_TE[Math.floor(i / k) * width + column] += x_TK[i];
  });
  call.output.set(sum_TE);
};
