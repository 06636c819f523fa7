import { Random } from '../core/random.ts';
import { checkSamplingOptions, type SamplingOptions } from './sampling-options.ts';

/**
 * Chooses one token after another for one request. Order: bias and penalties, temperature, top-k, top-p, min-p.
 * Throws `UsageError` on options out of range. State is the random sequence and the counts of what was generated.
 */
export class Sampler {
  private readonly options: SamplingOptions;
  private readonly random: Random;
  private readonly promptTokens: ReadonlySet<number>;
  private readonly generated = new Map<number, number>();
  private readonly unusedTokens: Iterable<number>;
  private scores = new Float32Array(0);

  /** `unusedTokens` are rows of the output matrix that stand for nothing; they are never chosen. */
  constructor(options: SamplingOptions, prompt: readonly number[], unusedTokens: Iterable<number> = []) {
    checkSamplingOptions(options);
    this.options = options;
    this.random = new Random(options.seed ?? Math.floor(Math.random() * 2 ** 52));
    this.promptTokens = new Set(prompt);
    this.unusedTokens = unusedTokens;
  }

  /** logits_V -> the id chosen. The logits are not changed. */
  sample(logits_V: Float32Array): number {
    if (this.scores.length !== logits_V.length) this.scores = new Float32Array(logits_V.length);
    this.scores.set(logits_V);
    this.adjust(this.scores);
    for (const id of this.unusedTokens) this.scores[id] = Number.NEGATIVE_INFINITY;
    const id = this.choose(this.scores);
    this.generated.set(id, (this.generated.get(id) ?? 0) + 1);
    return id;
  }

  private adjust(scores: Float32Array): void {
    const { logitBias, repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = this.options;
    if (repetitionPenalty !== 1) {
      for (const id of new Set([...this.promptTokens, ...this.generated.keys()])) {
        if (id < scores.length) scores[id] *= scores[id] > 0 ? 1 / repetitionPenalty : repetitionPenalty;
      }
    }
    if (presencePenalty !== 0 || frequencyPenalty !== 0) {
      for (const [id, count] of this.generated) scores[id] -= presencePenalty + frequencyPenalty * count;
    }
    for (const [id, bias] of Object.entries(logitBias ?? {})) {
      if (Number(id) < scores.length) scores[Number(id)] += bias;
    }
  }

  private choose(scores: Float32Array): number {
    const { temperature = 1, topK = 0, topP = 1, minP = 0 } = this.options;
    const best = argmax(scores);
    if (temperature === 0) return best;
    const max = scores[best];
    const weightOf = (id: number): number => Math.exp((scores[id] - max) / temperature);

    if (topK <= 0 && topP >= 1 && minP <= 0) {
      let total = 0;
      for (let id = 0; id < scores.length; id++) total += weightOf(id);
      let left = this.random.uniform() * total;
      for (let id = 0; id < scores.length; id++) {
        left -= weightOf(id);
        if (left < 0) return id;
      }
      return best;
    }
    const kept = this.filter(scores, weightOf, topK, topP, minP);
    let left = this.random.uniform() * kept.reduce((sum, id) => sum + weightOf(id), 0);
    for (const id of kept) {
      left -= weightOf(id);
      if (left < 0) return id;
    }
    return kept[0];
  }

  /** The candidates that pass all filters, most likely first. */
  private filter(
    scores: Float32Array,
    weightOf: (id: number) => number,
    topK: number,
    topP: number,
    minP: number,
  ): number[] {
    const limit = topK > 0 ? Math.min(topK, scores.length) : scores.length;
    let ids = mostLikely(scores, limit);
    if (topP < 1) {
      const total = ids.reduce((sum, id) => sum + weightOf(id), 0);
      let reached = 0;
      const end = ids.findIndex((id) => {
        reached += weightOf(id);
        return reached >= topP * total;
      });
      if (end >= 0) ids = ids.slice(0, end + 1);
    }
    // The most likely token has weight 1, so the share of its probability is the weight itself.
    if (minP > 0) ids = ids.filter((id) => weightOf(id) >= minP);
    return ids;
  }
}

/** Index of the largest value, ties to the lowest. NaN never wins. */
export function argmax(values: Float32Array): number {
  let best = 0;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (values[i] > max) {
      max = values[i];
      best = i;
    }
  }
  return best;
}

/** The `count` ids with the largest scores, best first, ties to the lower id. */
export function mostLikely(scores: Float32Array, count: number): number[] {
  let ids: number[];
  if (count * 4 < scores.length) {
    // A copy of the scores alone sorts natively; it gives the value that the last kept one has.
    const threshold = scores.slice().sort()[scores.length - count];
    ids = [];
    for (let id = 0; id < scores.length; id++) if (scores[id] >= threshold) ids.push(id);
  } else {
    ids = Array.from(scores, (_, id) => id);
  }
  ids.sort((a, b) => scores[b] - scores[a] || a - b);
  return ids.slice(0, count);
}
