/**
 * One query over its keys: softmax of the scores, then the weighted mean of the values.
 * `scores_S` is overwritten; `value(s)` gives row s; the result goes to `output` at `offset`.
 */
export function softmaxMix(
  scores_S: Float64Array,
  value: (s: number) => Float32Array,
  output: Float32Array,
  offset: number,
  headSize: number,
): void {
  let max = Number.NEGATIVE_INFINITY;
  for (const score of scores_S) max = Math.max(max, score);
  let sum = 0;
  for (let s = 0; s < scores_S.length; s++) {
    scores_S[s] = Math.exp(scores_S[s] - max);
    sum += scores_S[s];
  }
  const mixed_H = new Float64Array(headSize);
  for (let s = 0; s < scores_S.length; s++) {
    const value_H = value(s);
    const weight = scores_S[s] / sum;
    for (let i = 0; i < headSize; i++) mixed_H[i] += weight * value_H[i];
  }
  output.set(mixed_H, offset);
}
