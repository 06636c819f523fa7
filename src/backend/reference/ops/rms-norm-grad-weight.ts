import type { Kernel } from '../kernel.ts';

export const rmsNormGradWeight: Kernel = (call) => {
  const [gradient, x] = [call.floats(0), call.floats(1)];
  const eps = call.number('eps');
  const width = call.outputShape[0];
  const sum_D = new Float64Array(width);
  for (let start = 0; start < x.length; start += width) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += x[start + i] * x[start + i];
    const factor = 1 / Math.sqrt(squares / width + eps);
    for (let i = 0; i < width; i++) sum_D[i] += gradient[start + i] * x[start + i] * factor;
  }
  call.output.set(sum_D);
};
