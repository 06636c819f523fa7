import type { Kernel } from '../kernel.ts';

export const accumulateGroupedLinear: Kernel = (call) => {
  const [state_EOI, gradient_RO, x] = [call.floats(0), call.floats(1), call.floats(2)];
  const experts_TK = call.integers(3);
  const [, numOut, width] = call.shape(0);
  const slotsPerRow = call.shape(2)[0] === experts_TK.length ? 1 : call.shape(3)[1];
  const sum = new Float64Array(state_EOI.length);
  experts_TK.forEach((expert, r) => {
    const from = Math.floor(r / slotsPerRow) * width;
    for (let o = 0; o < numOut; o++) {
      const factor = gradient_RO[r * numOut + o];
      const to = (expert * numOut + o) * width;
      for (let i = 0; i < width; i++) sum[to + i] += factor * x[from + i];
    }
  });
  for (let i = 0; i < sum.length; i++) state_EOI[i] += sum[i];
  call.output[0] = 0;
};
