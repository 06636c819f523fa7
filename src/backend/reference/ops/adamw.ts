import type { Kernel } from '../kernel.ts';

export const adamw: Kernel = (call) => {
  const [parameter, gradient, mean, square] = [0, 1, 2, 3].map((index) => call.floats(index));
  const [rate, clip, correction1, correction2] = call.floats(4);
  const [beta1, beta2] = [call.number('beta1'), call.number('beta2')];
  const [eps, decay] = [call.number('eps'), call.number('decay')];
  for (let i = 0; i < parameter.length; i++) {
    const g = gradient[i] * clip;
    mean[i] = beta1 * mean[i] + (1 - beta1) * g;
    square[i] = beta2 * square[i] + (1 - beta2) * g * g;
    const step = mean[i] / correction1 / (Math.sqrt(square[i] / correction2) + eps);
    parameter[i] = parameter[i] * (1 - rate * decay) - rate * step;
    gradient[i] = 0;
  }
  call.output[0] = 0;
};
