import type { Store } from '../backend/store.ts';
import type { ModelConfig } from '../model/architecture.ts';
import { type RoutedLayer, routedLayers } from '../model/weights.ts';
import { loadStatistics } from './balance.ts';
import type { LogRecord } from './run-folder.ts';
import type { GradientResult } from './training-programs.ts';

/** Sums over the steps between two lines of the log. */
export class IntervalLog {
  /** Tokens of the step that was added last. */
  lastStepTokens = 0;
  private readonly layers: readonly RoutedLayer[];
  private readonly store: Store;
  private sums = emptySums();
  /** Of the whole process. */
  private readonly total = { tokens: 0, ms: 0 };

  constructor(config: ModelConfig, store: Store) {
    this.layers = routedLayers(config);
    this.store = store;
  }

  get tokensPerSecond(): number {
    return this.total.ms === 0 ? 0 : (1000 * this.total.tokens) / this.total.ms;
  }

  add(result: GradientResult, learningRate: number, tokens: number, ms: number): void {
    const { sums } = this;
    sums.steps++;
    sums.loss += result.loss;
    sums.balanceLoss += result.balanceLoss;
    sums.gradientNorm += result.gradientNorm;
    sums.tokens += tokens;
    sums.ms += ms;
    sums.last = result.loss;
    sums.learningRate = learningRate;
    for (const [layer, counts_E] of result.counts) {
      const summed_E = sums.counts.get(layer) ?? new Float64Array(counts_E.length);
      sums.counts.set(
        layer,
        summed_E.map((count, e) => count + counts_E[e]),
      );
      const worst = loadStatistics(counts_E).maxViolation;
      sums.violations.set(layer, (sums.violations.get(layer) ?? 0) + worst);
    }
    this.lastStepTokens = tokens;
    this.total.tokens += tokens;
    this.total.ms += ms;
  }

  /** One line for all steps since the last one; undefined if there was none. */
  finish(step: number, tokens: number): LogRecord | undefined {
    const { sums } = this;
    if (sums.steps === 0) return undefined;
    this.sums = emptySums();
    return {
      type: 'step',
      step,
      tokens,
      steps: sums.steps,
      /** Mean over the interval, and of its last step. */
      loss: sums.loss / sums.steps,
      lastLoss: sums.last,
      balanceLoss: sums.balanceLoss / sums.steps,
      gradientNorm: sums.gradientNorm / sums.steps,
      learningRate: sums.learningRate,
      tokensPerSecond: Math.round((1000 * sums.tokens) / sums.ms),
      layers: this.layers.map((layer) => this.describeLayer(layer, sums)),
    };
  }

  private describeLayer(
    { layer, bias }: RoutedLayer,
    { counts, violations, steps }: Sums,
  ): Record<string, unknown> {
    const counts_E = counts.get(layer) as Float64Array;
    const { maxViolation, entropy, numDead } = loadStatistics(counts_E);
    const total = counts_E.reduce((a, b) => a + b, 0);
    return {
      layer,
      maxViolation: rounded(maxViolation),
      // Of single steps, mean: larger, because fewer tokens are spread less evenly.
      stepViolation: rounded((violations.get(layer) as number) / steps),
      entropy: rounded(entropy),
      numDead,
      ...(bias !== undefined && describeBias(this.store.array(bias))),
      load: Array.from(counts_E, (count) => rounded(count / total)),
    };
  }
}

interface Sums {
  steps: number;
  loss: number;
  last: number;
  balanceLoss: number;
  gradientNorm: number;
  learningRate: number;
  tokens: number;
  ms: number;
  readonly counts: Map<number, Float64Array>;
  readonly violations: Map<number, number>;
}

function emptySums(): Sums {
  return {
    steps: 0,
    loss: 0,
    last: 0,
    balanceLoss: 0,
    gradientNorm: 0,
    learningRate: 0,
    tokens: 0,
    ms: 0,
    counts: new Map(),
    violations: new Map(),
  };
}

function describeBias(bias_E: Float32Array): Record<string, number> {
  const mean = bias_E.reduce((a, b) => a + b, 0) / bias_E.length;
  const largest = (of: (bias: number) => number): number =>
    bias_E.reduce((max, bias) => Math.max(max, Math.abs(of(bias))), 0);
  return {
    biasDrift: rounded(largest((bias) => bias)),
    // What all biases of a layer have in common chooses nothing, and grows when few experts have too much and many a little too few.
    biasSpread: rounded(largest((bias) => bias - mean)),
  };
}

/** Four digits are enough to draw. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
