import type { Kernel } from '../kernel.ts';

export const scale: Kernel = (call) => {
  const x = call.floats(0);
  const factor = call.number('factor');
  for (let i = 0; i < x.length; i++) call.output[i] = x[i] * factor;
};
