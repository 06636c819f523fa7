import type { Kernel } from '../kernel.ts';

export const sigmoid: Kernel = (call) => {
  const z = call.floats(0);
  for (let i = 0; i < z.length; i++) call.output[i] = 1 / (1 + Math.exp(-z[i]));
};
