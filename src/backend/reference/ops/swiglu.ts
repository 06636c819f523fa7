import type { Kernel } from '../kernel.ts';

export const swiglu: Kernel = (call) => {
  const gate = call.floats(0);
  const up = call.floats(1);
  for (let i = 0; i < gate.length; i++) call.output[i] = (gate[i] / (1 + Math.exp(-gate[i]))) * up[i];
};
