export type DecayShape = 'linear' | 'cosine' | 'exponential';

/** One stretch at the end of a run in which the learning rate falls. */
export interface Decay {
  readonly tokens: number;
  /** Learning rate at its end. */
  readonly to: number;
  readonly shape: DecayShape;
}

/** Warm-up, stable, decay. Source: MiniCPM, arXiv:2404.06395; dots.llm1 anneals in two stretches. */
export interface LearningRateSchedule {
  readonly peak: number;
  readonly warmupSteps: number;
  /** One after the other; the last one ends with the run. */
  readonly decays: readonly Decay[];
}

/** The batch size in tokens once the run has seen `from` tokens. */
export interface BatchStage {
  readonly from: number;
  readonly tokens: number;
}

/**
 * Learning rate of a step. `step` counts from 0, `tokens` is what earlier steps have seen, `totalTokens` the length of the
 * run. The first step of n warm-up steps has 1/n of the peak, so that it is not lost.
 */
export function learningRate(
  schedule: LearningRateSchedule,
  step: number,
  tokens: number,
  totalTokens: number,
): number {
  const { peak, warmupSteps, decays } = schedule;
  const warm = step < warmupSteps ? (step + 1) / warmupSteps : 1;
  let start = totalTokens - decays.reduce((sum, decay) => sum + decay.tokens, 0);
  let rate = peak;
  for (const { tokens: length, to, shape } of decays) {
    if (tokens <= start) break;
    rate = decayed(shape, rate, to, Math.min(1, (tokens - start) / length));
    start += length;
  }
  return warm * rate;
}

/** From a to b as t goes from 0 to 1. */
export function decayed(shape: DecayShape, a: number, b: number, t: number): number {
  if (shape === 'linear') return a + (b - a) * t;
  if (shape === 'cosine') return b + ((a - b) * (1 + Math.cos(Math.PI * t))) / 2;
  return a * (b / a) ** t;
}

/** Tokens of the step that begins after `tokens`. Stages are in ascending order, the first from 0. */
export function batchTokens(stages: readonly BatchStage[], tokens: number): number {
  return (stages.findLast(({ from }) => from <= tokens) as BatchStage).tokens;
}
