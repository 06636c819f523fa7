import { forEachAttentionRow } from '../attention-rows.ts';
import type { Kernel } from '../kernel.ts';

export const causalAttentionGradValue: Kernel = (call) => {
  const gradient_TNH = call.floats(0);
  const headSize = call.outputShape[2];
  const sum_TGH = new Float64Array(call.output.length);
  forEachAttentionRow(call, { q: 1, k: 2, sequences: 3 }, ({ at, keysAt, weights_S }) => {
    weights_S.forEach((weight, s) => {
      for (let i = 0; i < headSize; i++) sum_TGH[keysAt[s] + i] += weight * gradient_TNH[at + i];
    });
  });
  call.output.set(sum_TGH);
};
