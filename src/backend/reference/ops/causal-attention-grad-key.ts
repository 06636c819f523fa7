import { forEachAttentionRow, productGradients } from '../attention-rows.ts';
import type { Kernel } from '../kernel.ts';

export const causalAttentionGradKey: Kernel = (call) => {
  const [gradient_TNH, q_TNH, v_TGH] = [call.floats(0), call.floats(1), call.floats(3)];
  const headSize = call.outputShape[2];
  const sum_TGH = new Float64Array(call.output.length);
  forEachAttentionRow(call, { q: 1, k: 2, sequences: 4 }, (row) => {
    productGradients(row, gradient_TNH, v_TGH, headSize).forEach((factor, s) => {
      for (let i = 0; i < headSize; i++) sum_TGH[row.keysAt[s] + i] += factor * q_TNH[row.at + i];
    });
  });
  call.output.set(sum_TGH);
};
