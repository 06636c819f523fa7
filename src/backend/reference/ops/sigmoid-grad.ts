import type { Kernel } from '../kernel.ts';

export const sigmoidGrad: Kernel = (call) => {
  const [gradient, sigmoids] = [call.floats(0), call.floats(1)];
  for (let i = 0; i < gradient.length; i++) {
    call.output[i] = gradient[i] * sigmoids[i] * (1 - sigmoids[i]);
  }
};
