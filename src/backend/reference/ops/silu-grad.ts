import type { Kernel } from '../kernel.ts';

export const siluGrad: Kernel = (call) => {
  const [gradient, z] = [call.floats(0), call.floats(1)];
  for (let i = 0; i < gradient.length; i++) {
    const sigmoid = 1 / (1 + Math.exp(-z[i]));
    call.output[i] = gradient[i] * sigmoid * (1 + z[i] * (1 - sigmoid));
  }
};
