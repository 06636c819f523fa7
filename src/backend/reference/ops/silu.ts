import type { Kernel } from '../kernel.ts';

export const silu: Kernel = (call) => {
  const z = call.floats(0);
  for (let i = 0; i < z.length; i++) call.output[i] = z[i] / (1 + Math.exp(-z[i]));
};
