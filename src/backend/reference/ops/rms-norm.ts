import type { Kernel } from '../kernel.ts';

export const rmsNorm: Kernel = (call) => {
  const x = call.floats(0);
  const weight_D = call.floats(1);
  const eps = call.number('eps');
  const width = weight_D.length;
  for (let start = 0; start < x.length; start += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[start + i] * x[start + i];
    const factor = 1 / Math.sqrt(sum / width + eps);
    for (let i = 0; i < width; i++) call.output[start + i] = x[start + i] * factor * weight_D[i];
  }
};
