import type { Kernel } from '../kernel.ts';

/** dx = y · (g − Σ g·y): what all of a row's gradients have in common moves nothing. */
export const softmaxGrad: Kernel = (call) => {
  const [gradient_TE, y_TE] = [call.floats(0), call.floats(1)];
  const width = call.outputShape[1];
  for (let start = 0; start < y_TE.length; start += width) {
    let along = 0;
    for (let i = 0; i < width; i++) along += gradient_TE[start + i] * y_TE[start + i];
    for (let i = 0; i < width; i++)
      call.output[start + i] = y_TE[start + i] * (gradient_TE[start + i] - along);
  }
};
