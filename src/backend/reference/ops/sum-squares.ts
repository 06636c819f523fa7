import type { Kernel } from '../kernel.ts';

export const sumSquares: Kernel = (call) => {
  let sum = 0;
  for (const value of call.floats(0)) sum += value * value;
  call.output[0] = sum;
};
