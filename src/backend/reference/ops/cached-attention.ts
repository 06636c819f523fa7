import { PAGE_SIZE } from '../../../graph/ops/cached-attention.ts';
import { dot } from '../dot.ts';
import type { Kernel } from '../kernel.ts';
import { softmaxMix } from '../softmax-mix.ts';

export const cachedAttention: Kernel = (call) => {
  const q_TNH = call.floats(0);
  const [k_TGH, v_TGH] = [call.floats(1), call.floats(2)];
  const [positions_T, sequences_T, pages_BP] = [call.integers(3), call.integers(4), call.integers(5)];
  const [keys, values] = [call.cells(6), call.cells(7)];
  const [numTokens, numHeads, headSize] = call.outputShape;
  const numKeyHeads = call.shape(1)[1];
  const pagesPerSequence = call.shape(5)[1];
  const scale = 1 / Math.sqrt(headSize);

  const cellOf = (sequence: number, position: number, keyHead: number): number => {
    const page = pages_BP[sequence * pagesPerSequence + Math.floor(position / PAGE_SIZE)];
    return (page * numKeyHeads + keyHead) * PAGE_SIZE + (position % PAGE_SIZE);
  };
  for (let t = 0; t < numTokens; t++) {
    for (let g = 0; g < numKeyHeads; g++) {
      const cell = cellOf(sequences_T[t], positions_T[t], g);
      keys.write(cell, k_TGH, (t * numKeyHeads + g) * headSize);
      values.write(cell, v_TGH, (t * numKeyHeads + g) * headSize);
    }
  }
  const row_H = new Float32Array(headSize);
  for (let t = 0; t < numTokens; t++) {
    for (let n = 0; n < numHeads; n++) {
      const keyHead = Math.floor((n * numKeyHeads) / numHeads);
      const at = (t * numHeads + n) * headSize;
      const scores_S = new Float64Array(positions_T[t] + 1);
      for (let s = 0; s < scores_S.length; s++) {
        keys.read(cellOf(sequences_T[t], s, keyHead), row_H);
        scores_S[s] = dot(q_TNH, at, row_H, 0, headSize) * scale;
      }
      const value = (s: number): Float32Array => {
        values.read(cellOf(sequences_T[t], s, keyHead), row_H);
        return row_H;
      };
      softmaxMix(scores_S, value, call.output, at, headSize);
    }
  }
};
