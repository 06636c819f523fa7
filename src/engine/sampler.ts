import { CounterRandom } from '../core/counter-random.ts';
import { InternalError } from '../core/errors.ts';
import { argmax, mostLikely, nucleus, numReaching } from './candidates.ts';
import { notNumbers } from './check-logits.ts';
import { checkSamplingOptions, type SamplingOptions } from './sampling-options.ts';

/** What may not be chosen this time. */
export interface Restriction {
  /** Tokens that may be chosen, as `ConstraintState.mask` gives them. */
  readonly allowed?: Uint32Array;
  readonly forbidden?: Iterable<number>;
}

/** Working memory of samplers, 12 bytes for each token of the vocabulary: one for all that run on a thread. */
export class SamplerScratch {
  scores_V = new Float32Array(0);
  weights_V = new Float64Array(0);

  fit(vocabSize: number): void {
    if (this.scores_V.length === vocabSize) return;
    this.scores_V = new Float32Array(vocabSize);
    this.weights_V = new Float64Array(vocabSize);
  }
}

/**
 * Chooses one token after another for one request. Order: bias and penalties, restriction, temperature, top-k, top-p, min-p.
 * Throws `UsageError` on options out of range. State is the counts of what was generated: the n-th token is chosen with
 * the n-th number of the stream (seed, stream).
 */
export class Sampler {
  private readonly options: SamplingOptions;
  private readonly random: CounterRandom;
  /** For the repetition penalty; empty without one. */
  private readonly promptTokens: ReadonlySet<number>;
  private readonly scratch: SamplerScratch;
  private readonly generated = new Map<number, number>();
  private readonly unusedTokens: ReadonlySet<number>;
  private numSampled = 0;

  /** `unusedTokens` are rows of the output matrix that stand for nothing; they are never chosen. */
  constructor(
    options: SamplingOptions,
    prompt: readonly number[],
    unusedTokens: ReadonlySet<number> = new Set(),
    scratch = new SamplerScratch(),
  ) {
    checkSamplingOptions(options);
    this.options = options;
    this.random = new CounterRandom(options.seed ?? Math.floor(Math.random() * 2 ** 52), options.stream);
    this.promptTokens = new Set((options.repetitionPenalty ?? 1) === 1 ? [] : prompt);
    this.scratch = scratch;
    this.unusedTokens = unusedTokens;
  }

  /** logits_V -> the id chosen. The logits are not changed. Throws `FormatError` (`not-a-number`) for logits that are none. */
  sample(logits_V: Float32Array, restriction: Restriction = {}): number {
    const id = this.likeliest(logits_V, restriction) ?? this.choose(this.scored(logits_V, restriction));
    this.numSampled++;
    this.generated.set(id, (this.generated.get(id) ?? 0) + 1);
    return id;
  }

  /** Greedy decoding where the most likely token is allowed: the others need not be looked at again. */
  private likeliest(logits_V: Float32Array, { allowed, forbidden }: Restriction): number | undefined {
    const { temperature, logitBias, repetitionPenalty, presencePenalty, frequencyPenalty } = this.options;
    if (temperature !== 0 || logitBias || presencePenalty || frequencyPenalty) return undefined;
    if (repetitionPenalty !== undefined && repetitionPenalty !== 1) return undefined;
    const best = argmax(logits_V, this.unusedTokens);
    if (!(logits_V[best] > Number.NEGATIVE_INFINITY) || this.unusedTokens.has(best)) return undefined;
    if (allowed && (((allowed[best >> 5] ?? 0) >>> (best & 31)) & 1) === 0) return undefined;
    for (const id of forbidden ?? []) if (id === best) return undefined;
    return best;
  }

  private scored(logits_V: Float32Array, { allowed, forbidden = [] }: Restriction): Float32Array {
    this.scratch.fit(logits_V.length);
    const { scores_V } = this.scratch;
    scores_V.set(logits_V);
    this.adjust(scores_V);
    for (const id of this.unusedTokens) scores_V[id] = Number.NEGATIVE_INFINITY;
    for (const id of forbidden) scores_V[id] = Number.NEGATIVE_INFINITY;
    if (allowed) exclude(scores_V, allowed);
    return scores_V;
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
    for (const [id, bias] of logitBias ?? []) {
      if (id < scores.length) scores[id] += bias;
    }
  }

  private choose(scores_V: Float32Array): number {
    const { temperature = 1, topK = 0, topP = 1, minP = 0 } = this.options;
    const best = argmax(scores_V);
    // With scores that are not numbers the first token would win, allowed or not.
    if (!(scores_V[best] > Number.NEGATIVE_INFINITY) || scores_V[best] === Number.POSITIVE_INFINITY) {
      if (scores_V.some((score) => Number.isNaN(score) || score === Number.POSITIVE_INFINITY))
        throw notNumbers('choose a token');
      throw new InternalError('no token has a score: none is allowed');
    }
    if (temperature === 0) return best;
    const { weights_V } = this.scratch;
    const max = scores_V[best];
    const weigh = (id: number): void => {
      weights_V[id] = Math.exp((scores_V[id] - max) / temperature);
    };
    let kept: readonly number[];
    if (topK > 0) {
      // The weights of the others are not needed, and most of the time would go into them.
      const ids = mostLikely(scores_V, topK);
      for (const id of ids) weigh(id);
      kept = firstOf(ids, weights_V, topP, minP);
    } else {
      for (let id = 0; id < scores_V.length; id++) weigh(id);
      if (topP >= 1 && minP <= 0) return this.drawAny(weights_V, best);
      kept = nucleus({ scores_V, max, temperature, weights_V }, topP, minP);
    }
    let left = this.random.uniform(this.numSampled) * sumOf(kept, weights_V);
    for (const id of kept) {
      left -= weights_V[id];
      if (left < 0) return id;
    }
    return kept[0];
  }

  private drawAny(weights_V: Float64Array, best: number): number {
    let total = 0;
    for (let id = 0; id < weights_V.length; id++) total += weights_V[id];
    if (Number.isNaN(total)) throw notNumbers('choose a token');
    let left = this.random.uniform(this.numSampled) * total;
    for (let id = 0; id < weights_V.length; id++) {
      left -= weights_V[id];
      if (left < 0) return id;
    }
    return best;
  }
}

/** Takes away the scores of all tokens whose bit is not set; bits beyond the end of `allowed` count as not set. */
function exclude(scores_V: Float32Array, allowed: Uint32Array): void {
  for (let start = 0; start < scores_V.length; start += 32) {
    const word = allowed[start >> 5] ?? 0;
    if (word === 0xffffffff) continue;
    const end = Math.min(start + 32, scores_V.length);
    for (let id = start; id < end; id++) {
      if (((word >>> (id - start)) & 1) === 0) scores_V[id] = Number.NEGATIVE_INFINITY;
    }
  }
}

/** Those of a few ids, best first, that reach `topP` of their weight and have at least the weight `minP`. */
function firstOf(ids: readonly number[], weights_V: Float64Array, topP: number, minP: number): number[] {
  const needed = topP < 1 ? topP * sumOf(ids, weights_V) : Number.POSITIVE_INFINITY;
  // The most likely token has weight 1, so the share of its probability is the weight itself.
  return ids
    .slice(
      0,
      numReaching(ids, (id) => weights_V[id], needed),
    )
    .filter((id) => weights_V[id] >= minP);
}

function sumOf(ids: readonly number[], weights_V: Float64Array): number {
  return ids.reduce((sum, id) => sum + weights_V[id], 0);
}
