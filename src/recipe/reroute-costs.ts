/**
 * What it costs when tokens go to other experts. Noise in the bias of a router changes nothing but the choice of experts, so the
 * divergence that it makes is the cost of changed choices alone, for margins that move by as much.
 */
import { Random } from '../core/random.ts';
import { type DivergenceMeter, meanOf } from './measure-divergence.ts';
import type { ResidentModel } from './resident-model.ts';
import type { MarginSensitivity } from './sensitivities.ts';

/** KL of a layer whose margins move by a standard deviation of σ: factor · σ ** exponent, and below `linearBelow` in proportion to σ. */
export interface RerouteCost {
  readonly layer: number;
  readonly factor: number;
  readonly exponent: number;
  readonly linearBelow: number;
}

/** What margins cost that move by a standard deviation of `sigma`. */
export function rerouteCost({ factor, exponent, linearBelow }: RerouteCost, sigma: number): number {
  if (sigma >= linearBelow) return factor * sigma ** exponent;
  return factor * linearBelow ** (exponent - 1) * sigma;
}

/** Standard deviations to try, as parts of the median margin: most files are in between. */
const LEVELS = [0.15, 0.6];
/** A choice changes as often as margins are small: for small σ as σ itself, later less often. */
const EXPONENTS = { least: 0.5, most: 1 };

/** Layers whose router has no bias are left out: `src/recipe/search-recipe.ts` corrects for them by what it measures. */
export async function measureRerouteCosts(
  model: ResidentModel,
  margins: readonly MarginSensitivity[],
  meter: DivergenceMeter,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
): Promise<RerouteCost[]> {
  const random = new Random(1);
  const costs: RerouteCost[] = [];
  for (const [i, { layer, bias, sizes }] of margins.entries()) {
    onProgress?.(i, margins.length);
    if (bias === undefined || sizes.length === 0) continue;
    const bias_E = model.weight(bias);
    const before = bias_E.slice();
    const points: { sigma: number; kl: number }[] = [];
    try {
      for (const level of LEVELS) {
        const sigma = level * sizes[sizes.length >> 1];
        // Other noise for each text: that of one draw depends on a few experts. A margin is a difference of two scores.
        const beforeText = (): void =>
          before.forEach((value, e) => {
            bias_E[e] = value + (sigma / Math.SQRT2) * random.normal();
          });
        points.push({ sigma, kl: Math.max(0, meanOf(await meter.measure(signal, beforeText))) });
      }
    } finally {
      bias_E.set(before);
    }
    costs.push({ layer, ...powerThrough(points) });
  }
  return costs;
}

/** Through both points, unless the exponent would be outside of what can be: then as near as possible to the larger one. */
function powerThrough([low, high]: readonly { sigma: number; kl: number }[]): Omit<RerouteCost, 'layer'> {
  if (!(high.kl > 0 && high.sigma > 0)) return { factor: 0, exponent: 1, linearBelow: 0 };
  const slope = low.kl > 0 ? Math.log(high.kl / low.kl) / Math.log(high.sigma / low.sigma) : 1;
  const exponent = Math.min(EXPONENTS.most, Math.max(EXPONENTS.least, slope));
  return { factor: high.kl / high.sigma ** exponent, exponent, linearBelow: low.sigma };
}
