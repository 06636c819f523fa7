import type { Kernel } from '../kernel.ts';

/** With r = 1/rms: dx = r · (w·g − x · r² · mean(w·g·x)). The second part is how r itself moves with x. */
export const rmsNormGradInput: Kernel = (call) => {
  const [gradient, x, weight_D] = [call.floats(0), call.floats(1), call.floats(2)];
  const eps = call.number('eps');
  const width = weight_D.length;
  for (let start = 0; start < x.length; start += width) {
    let squares = 0;
    let along = 0;
    for (let i = 0; i < width; i++) {
      squares += x[start + i] * x[start + i];
      along += gradient[start + i] * weight_D[i] * x[start + i];
    }
    const factor = 1 / Math.sqrt(squares / width + eps);
    const pull = (factor * factor * along) / width;
    for (let i = 0; i < width; i++) {
      call.output[start + i] = factor * (gradient[start + i] * weight_D[i] - x[start + i] * pull);
    }
  }
};
