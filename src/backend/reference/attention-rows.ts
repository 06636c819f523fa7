import { dot } from './dot.ts';
import type { KernelCall } from './kernel.ts';

/** One query head of one token, and what it saw. */
export interface AttentionRow {
  /** Offset of the query in q_TNH. */
  readonly at: number;
  /** Offsets of the keys that it saw in k_TGH, and of the values in v_TGH. */
  readonly keysAt: readonly number[];
  /** Softmax of the scores: how much each of them counted. */
  readonly weights_S: Float64Array;
}

/**
 * The softmax of causal attention once more, query by query, for its gradients. `q`, `k` and `sequences` are the numbers
 * of the operands.
 */
export function forEachAttentionRow(
  call: KernelCall,
  operands: { q: number; k: number; sequences: number },
  visit: (row: AttentionRow) => void,
): void {
  const [q_TNH, k_TGH] = [call.floats(operands.q), call.floats(operands.k)];
  const sequences_T = call.integers(operands.sequences);
  const [numTokens, numHeads, headSize] = call.shape(operands.q);
  const numKeyHeads = call.shape(operands.k)[1];
  const scale = 1 / Math.sqrt(headSize);
  for (let t = 0; t < numTokens; t++) {
    const seen: number[] = [];
    for (let s = 0; s <= t; s++) if (sequences_T[s] === sequences_T[t]) seen.push(s);
    for (let n = 0; n < numHeads; n++) {
      const keyHead = Math.floor((n * numKeyHeads) / numHeads);
      const at = (t * numHeads + n) * headSize;
      const keysAt = seen.map((s) => (s * numKeyHeads + keyHead) * headSize);
      const scores = keysAt.map((keyAt) => dot(q_TNH, at, k_TGH, keyAt, headSize) * scale);
      const max = Math.max(...scores);
      const weights_S = Float64Array.from(scores, (score) => Math.exp(score - max));
      const sum = weights_S.reduce((total, weight) => total + weight, 0);
      visit({ at, keysAt, weights_S: weights_S.map((weight) => weight / sum) });
    }
  }
}

/**
 * Gradient of a row's inner products q·k: softmax moves with each score by p · (dp − Σ p·dp), where dp is the gradient
 * of a weight, and scores are products times 1/√H.
 */
export function productGradients(
  { at, keysAt, weights_S }: AttentionRow,
  gradient_TNH: Float32Array,
  v_TGH: Float32Array,
  headSize: number,
): Float64Array {
  const weightGradients_S = Float64Array.from(keysAt, (keyAt) =>
    dot(gradient_TNH, at, v_TGH, keyAt, headSize),
  );
  const mean = weights_S.reduce((sum, weight, s) => sum + weight * weightGradients_S[s], 0);
  return weights_S.map((weight, s) => (weight * (weightGradients_S[s] - mean)) / Math.sqrt(headSize));
}
