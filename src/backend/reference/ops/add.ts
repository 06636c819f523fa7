import type { Kernel } from '../kernel.ts';

export const add: Kernel = (call) => {
  const a = call.floats(0);
  const b = call.floats(1);
  for (let i = 0; i < a.length; i++) call.output[i] = a[i] + b[i % b.length];
};
