/** How evenly a layer's experts are used, from how often each was chosen. */
export interface LoadStatistics {
  /** max(c) / mean(c) − 1: 0 where all are chosen equally often. */
  readonly maxViolation: number;
  /** Entropy of the shares over that of equal shares: 1 where all are chosen equally often, 0 where one gets everything. */
  readonly entropy: number;
  /** Experts that nobody chose. */
  readonly numDead: number;
}

export function loadStatistics(counts_E: ArrayLike<number>): LoadStatistics {
  const counts = Array.from(counts_E);
  const total = counts.reduce((a, b) => a + b, 0);
  if (total === 0) return { maxViolation: 0, entropy: 1, numDead: counts.length };
  const entropy = counts.reduce((sum, count) => {
    const share = count / total;
    return share === 0 ? sum : sum - share * Math.log(share);
  }, 0);
  return {
    maxViolation: (Math.max(...counts) * counts.length) / total - 1,
    entropy: counts.length === 1 ? 1 : entropy / Math.log(counts.length),
    numDead: counts.filter((count) => count === 0).length,
  };
}

/**
 * Balancing without a loss: an expert that was chosen less often than the mean gets `rate` added to its bias, one chosen
 * more often loses as much. Counts are those of the whole step, all micro-batches together. Source: arXiv:2408.15664.
 */
export function updateBias(bias_E: Float32Array, counts_E: ArrayLike<number>, rate: number): void {
  const mean = Array.from(counts_E).reduce((a, b) => a + b, 0) / bias_E.length;
  for (let e = 0; e < bias_E.length; e++) bias_E[e] += rate * Math.sign(mean - counts_E[e]);
}
