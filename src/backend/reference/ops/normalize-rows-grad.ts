import type { Kernel } from '../kernel.ts';

/** With s the row's sum + eps: dx = (g − Σ g·x / s) / s. The second part is how s itself moves with x. */
export const normalizeRowsGrad: Kernel = (call) => {
  const [gradient_TK, x_TK] = [call.floats(0), call.floats(1)];
  const eps = call.number('eps');
  const width = call.outputShape[1];
  for (let start = 0; start < x_TK.length; start += width) {
    let sum = eps;
    let along = 0;
    for (let i = 0; i < width; i++) {
      sum += x_TK[start + i];
      along += gradient_TK[start + i] * x_TK[start + i];
    }
    const pull = along / sum;
    for (let i = 0; i < width; i++) call.output[start + i] = (gradient_TK[start + i] - pull) / sum;
  }
};
