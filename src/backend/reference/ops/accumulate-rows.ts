import type { Kernel } from '../kernel.ts';

export const accumulateRows: Kernel = (call) => {
  const [state_VD, x_TD, rows_T] = [call.floats(0), call.floats(1), call.integers(2)];
  const width = call.shape(1)[1];
  rows_T.forEach((row, t) => {
    for (let i = 0; i < width; i++) state_VD[row * width + i] += x_TD[t * width + i];
  });
  call.output[0] = 0;
};
