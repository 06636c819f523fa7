import { UsageError } from '../core/errors.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { routedLayers } from '../model/weights.ts';

/** As a run gives it; undefined where it leaves the default. */
export interface BalanceConfig {
  readonly biasRate: number | undefined;
  readonly lossFactor: number | undefined;
}

export interface Balance {
  /** How far the routers' biases move in a step. */
  readonly biasRate: number;
  /** α of the sequence-wise balance loss. */
  readonly lossFactor: number;
}

/** Defaults for what a model has. Throws `UsageError` where a run asks to balance with what it does not have. */
export function resolveBalance({ biasRate, lossFactor }: BalanceConfig, model: ModelConfig): Balance {
  const routed = routedLayers(model);
  const hasBias = routed.some(({ bias }) => bias !== undefined);
  const refuse = (field: string, missing: string): never => {
    throw new UsageError(`Cannot train with "balance.${field}": ${model.architecture} has no ${missing}`, {
      code: 'bad-run',
      hint: 'leave the field out, or set it to 0',
    });
  };
  if (!hasBias && (biasRate ?? 0) > 0) refuse('biasRate', 'bias in its router');
  if (routed.length === 0 && (lossFactor ?? 0) > 0) refuse('lossFactor', 'experts');
  return {
    biasRate: hasBias ? (biasRate ?? 0.001) : 0,
    lossFactor: routed.length > 0 ? (lossFactor ?? 1e-4) : 0,
  };
}

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
