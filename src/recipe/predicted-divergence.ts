/** The divergence that a choice of types is predicted to have. */
import type { StorageType } from '../dtype/index.ts';
import type { NamedShape } from '../quantize/stock-mixes.ts';
import { type RerouteCost, rerouteCost } from './reroute-costs.ts';

/** One type that a tensor may have, and what it costs. */
export interface Choice {
  readonly type: StorageType;
  readonly bytes: number;
  /** Bytes of the tensor that one token reads: of a stack of experts those that it goes to. */
  readonly readBytes: number;
  /** KL by moved likelihoods, nats for each token. */
  readonly likelihood: number;
  /** Variance that is added to the margins of each layer with experts. */
  readonly variances: Float64Array;
  /** Σ error² · mean input² of the tensor's outputs. */
  readonly outputError: number;
}

export interface TensorChoices extends NamedShape {
  /** By bytes, smallest first; at least one. */
  readonly choices: readonly Choice[];
}

/** An index into the choices of each tensor. */
export type Assignment = readonly number[];

/** Sums over the chosen types of a model. */
export interface Totals {
  bytes: number;
  readBytes: number;
  likelihood: number;
  readonly variances: Float64Array;
  outputError: number;
}

export function totalsOf(tensors: readonly TensorChoices[], assignment: Assignment): Totals {
  const numLayers = tensors[0]?.choices[0].variances.length ?? 0;
  const totals = {
    bytes: 0,
    readBytes: 0,
    likelihood: 0,
    variances: new Float64Array(numLayers),
    outputError: 0,
  };
  for (const [i, { choices }] of tensors.entries()) addChoice(totals, choices[assignment[i]], 1);
  return totals;
}

/** Adds a choice `factor` times: 1, or -1 to take it away. */
export function addChoice(totals: Totals, choice: Choice, factor: number): void {
  totals.bytes += factor * choice.bytes;
  totals.readBytes += factor * choice.readBytes;
  totals.likelihood += factor * choice.likelihood;
  totals.outputError += factor * choice.outputError;
  for (let l = 0; l < totals.variances.length; l++) totals.variances[l] += factor * choice.variances[l];
}

/** What a solver makes small, and how fast it grows with each of the sums: never faster than in proportion. */
export interface Objective {
  value(totals: Totals): number;
  /** Weights of the sums in a plane that touches the objective at `totals` and lies nowhere below it. */
  slopes(totals: Totals): { likelihood: number; variances: Float64Array; outputError: number };
}

/** Corrections of the two parts, from what was measured. */
export interface Corrections {
  readonly likelihood: number;
  readonly rerouting: number;
}

/** KL divergence: likelihoods in proportion to squared errors, changed choices of experts as a power of their variance. */
export class DivergenceObjective implements Objective {
  private readonly costs: readonly RerouteCost[];
  private readonly corrections: Corrections;

  /** `costs` are of the layers that `Totals.variances` counts, in their order. */
  constructor(costs: readonly RerouteCost[], corrections: Corrections = { likelihood: 1, rerouting: 1 }) {
    this.costs = costs;
    this.corrections = corrections;
  }

  value(totals: Totals): number {
    const { likelihood, rerouting } = this.parts(totals);
    return this.corrections.likelihood * likelihood + this.corrections.rerouting * rerouting;
  }

  /** Without corrections. */
  parts({ likelihood, variances }: Totals): { likelihood: number; rerouting: number } {
    const rerouting = this.costs.reduce(
      (sum, cost, l) => sum + rerouteCost(cost, Math.sqrt(Math.max(0, variances[l]))),
      0,
    );
    return { likelihood, rerouting };
  }

  slopes({ variances }: Totals): ReturnType<Objective['slopes']> {
    return {
      likelihood: this.corrections.likelihood,
      variances: Float64Array.from(this.costs, (cost, l) => {
        // A root is infinitely steep at nothing.
        const sigma = Math.sqrt(Math.max(variances[l], 1e-12));
        const exponent = sigma < cost.linearBelow ? 1 : cost.exponent;
        return (this.corrections.rerouting * (exponent / 2) * rerouteCost(cost, sigma)) / sigma ** 2;
      }),
      outputError: 0,
    };
  }
}

/** What quantisers do that know no gradients: the errors of all outputs, added up. */
export const outputErrorObjective: Objective = {
  value: ({ outputError }) => outputError,
  slopes: ({ variances }) => ({
    likelihood: 0,
    variances: new Float64Array(variances.length),
    outputError: 1,
  }),
};
