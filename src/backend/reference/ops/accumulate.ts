import type { Kernel } from '../kernel.ts';

export const accumulate: Kernel = (call) => {
  const [sum, x] = [call.floats(0), call.floats(1)];
  for (let i = 0; i < x.length; i++) sum[i] += x[i];
  call.output[0] = 0;
};
