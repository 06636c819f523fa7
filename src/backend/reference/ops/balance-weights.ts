import type { Kernel } from '../kernel.ts';

export const balanceWeights: Kernel = (call) => {
  const [experts_TK, sequences_T, [factor]] = [call.integers(0), call.integers(1), call.floats(2)];
  const [numTokens, numExperts] = call.outputShape;
  const k = call.shape(0)[1];
  const ends: number[] = [];
  for (let t = 1; t <= numTokens; t++)
    if (t === numTokens || sequences_T[t] !== sequences_T[t - 1]) ends.push(t);
  let start = 0;
  for (const end of ends) {
    const length = end - start;
    const counts_E = new Float64Array(numExperts);
    for (const expert of experts_TK.subarray(start * k, end * k)) counts_E[expert]++;
    const weights_E = counts_E.map(
      (count) => (factor * numExperts * count) / (k * length * length * ends.length),
    );
    for (let t = start; t < end; t++) call.output.set(weights_E, t * numExperts);
    start = end;
  }
};
