import type { Kernel } from '../kernel.ts';

export const countExperts: Kernel = (call) => {
  call.output.fill(0);
  for (const expert of call.integers(0)) call.output[expert]++;
};
