import { forEachAttentionRow, productGradients } from '../attention-rows.ts';
import type { Kernel } from '../kernel.ts';

export const causalAttentionGradQuery: Kernel = (call) => {
  const [gradient_TNH, k_TGH, v_TGH] = [call.floats(0), call.floats(2), call.floats(3)];
  const headSize = call.outputShape[2];
  const sum_TNH = new Float64Array(call.output.length);
  forEachAttentionRow(call, { q: 1, k: 2, sequences: 4 }, (row) => {
    productGradients(row, gradient_TNH, v_TGH, headSize).forEach((factor, s) => {
      for (let i = 0; i < headSize; i++) sum_TNH[row.at + i] += factor * k_TGH[row.keysAt[s] + i];
    });
  });
  call.output.set(sum_TNH);
};
