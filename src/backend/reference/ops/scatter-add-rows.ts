import type { Kernel } from '../kernel.ts';

export const scatterAddRows: Kernel = (call) => {
  const x_OD = call.floats(0);
  const rows_O = call.integers(1);
  const width = call.outputShape[1];
  const sum_TD = new Float64Array(call.output.length);
  rows_O.forEach((row, o) => {
    for (let i = 0; i < width; i++) sum_TD[row * width + i] += x_OD[o * width + i];
  });
  call.output.set(sum_TD);
};
