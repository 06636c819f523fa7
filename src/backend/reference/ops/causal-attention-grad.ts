import { forEachAttentionRow, productGradients } from '../attention-rows.ts';
import type { Kernel } from '../kernel.ts';

export const causalAttentionGrad: Kernel = (call) => {
  const [gradient_TNH, q_TNH, k_TGH, v_TGH] = [0, 1, 2, 3].map((index) => call.floats(index));
  const [, numHeads, headSize] = call.shape(1);
  const numKeyHeads = call.shape(2)[1];
  const numPacked = call.outputShape[1];
  const sum = new Float64Array(call.output.length);
  // Offset of a head of q_TNH, and of one of k_TGH or v_TGH, among the packed ones.
  const queryAt = (at: number): number =>
    at + Math.floor(at / (numHeads * headSize)) * 2 * numKeyHeads * headSize;
  const keyAt = (at: number): number =>
    at + (Math.floor(at / (numKeyHeads * headSize)) * (numPacked - numKeyHeads) + numHeads) * headSize;
  forEachAttentionRow(call, { q: 1, k: 2, sequences: 4 }, (row) => {
    const factors = productGradients(row, gradient_TNH, v_TGH, headSize);
    const toQuery = queryAt(row.at);
    row.keysAt.forEach((at, s) => {
      const toKey = keyAt(at);
      const toValue = toKey + numKeyHeads * headSize;
      for (let i = 0; i < headSize; i++) {
        sum[toQuery + i] += factors[s] * k_TGH[at + i];
        sum[toKey + i] += factors[s] * q_TNH[row.at + i];
        sum[toValue + i] += row.weights_S[s] * gradient_TNH[row.at + i];
      }
    });
  });
  call.output.set(sum);
};
