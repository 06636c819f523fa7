/**
 * How far a model's predictions are from those of the model that it was made from. At each position KL(base ‖ other) in nats
 * compares the distributions of the next token as they are; perplexity compares one number of each, in which errors cancel.
 */
import { FormatError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { type PositionLogits, score } from '../engine/score.ts';
import { logSumExp, type ScoringContext, windows } from './perplexity.ts';

/** What one position says of one model. */
export interface PositionDivergence {
  /** KL(base ‖ model), nats. */
  readonly kl: number;
  /** −ln p of the token that follows. */
  readonly loss: number;
  /** Whether both hold the same token for the most likely one. */
  readonly isSameTop: boolean;
}

/** Positions of one document, in order; the base itself has a divergence of 0. */
export interface DocumentDivergence {
  readonly tokens: readonly number[];
  /** By model, the base first; one entry for each token but the first. */
  readonly models: readonly (readonly PositionDivergence[])[];
}

export interface DivergenceOptions {
  readonly contextTokens: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneTokens: number) => void;
}

/** Scores one document with all models in step, in the windows of `dots perplexity`. The first model is the base. */
export async function divergenceOf(
  models: readonly ScoringContext[],
  tokens: readonly number[],
  { contextTokens, signal, onProgress }: DivergenceOptions,
): Promise<DocumentDivergence> {
  const found: PositionDivergence[][] = models.map(() => []);
  for (const { start, end, first } of windows(tokens.length - 1, contextTokens)) {
    const readers = models.map((model) => score(model, tokens.slice(start, end), first - start, signal));
    try {
      for (;;) {
        const steps = await Promise.all(readers.map((reader) => reader.next()));
        if (steps.some(({ done }) => done)) break;
        const positions = steps.map(({ value }) => value as PositionLogits);
        const target = tokens[start + positions[0].position + 1];
        const base = softmaxOf(positions[0].logits_V);
        for (const [i, { logits_V }] of positions.entries()) {
          const other = i === 0 ? base : softmaxOf(logits_V);
          found[i].push(divergenceAt(base, other, target));
        }
      }
    } finally {
      await Promise.all(readers.map((reader) => reader.return()));
    }
    onProgress?.(end - first);
  }
  return { tokens, models: found };
}

export interface Softmax {
  readonly logits_V: Float32Array;
  /** ln Σ e^logit */
  readonly logSum: number;
  readonly top: number;
}

export function softmaxOf(logits_V: Float32Array): Softmax {
  let top = 0;
  for (let i = 1; i < logits_V.length; i++) if (logits_V[i] > logits_V[top]) top = i;
  const logSum = logSumExp(logits_V);
  if (Number.isFinite(logSum)) return { logits_V, logSum, top };
  throw new FormatError('Cannot compare models: one of them gives logits that are not numbers', {
    code: 'not-a-number',
    hint: 'its weights are damaged; `dots run` names the model',
  });
}

/** One position of a model and of the base. */
export function divergenceAt(base: Softmax, other: Softmax, target: number): PositionDivergence {
  let kl = 0;
  if (other !== base) {
    const shift = other.logSum - base.logSum;
    for (let i = 0; i < base.logits_V.length; i++) {
      const logP = base.logits_V[i] - base.logSum;
      // Below e^-30 a token adds nothing that f32 logits could show.
      if (logP > -30) kl += Math.exp(logP) * (base.logits_V[i] - other.logits_V[i] + shift);
    }
  }
  return {
    kl: Math.max(0, kl),
    loss: other.logSum - other.logits_V[target],
    isSameTop: base.top === other.top,
  };
}

export interface Interval {
  readonly value: number;
  /** 95 %: so much is it above and below, documents being drawn again and again. */
  readonly low: number;
  readonly high: number;
}

export interface DivergenceSummary {
  readonly tokens: number;
  readonly perplexity: number;
  readonly kl: Interval & {
    readonly median: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly sameTop: Interval;
}

/** Figures of one model over all documents. */
export function summarise(documents: readonly DocumentDivergence[], model: number): DivergenceSummary {
  const perDocument = documents.map(({ models }) => models[model]);
  const all = perDocument.flat();
  const sorted = Float64Array.from(all, ({ kl }) => kl).sort();
  const quantile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return {
    tokens: all.length,
    perplexity: Math.exp(all.reduce((sum, { loss }) => sum + loss, 0) / all.length),
    kl: {
      ...meanInterval(perDocument, ({ kl }) => kl),
      median: quantile(0.5),
      p90: quantile(0.9),
      p99: quantile(0.99),
      max: sorted[sorted.length - 1],
    },
    sameTop: meanInterval(perDocument, ({ isSameTop }) => (isSameTop ? 1 : 0)),
  };
}

/** Mean KL of one model minus that of another, position by position: below 0 where the first is nearer to the base. */
export function pairedDifference(documents: readonly DocumentDivergence[], a: number, b: number): Interval {
  const pairs = documents.map(({ models }) => models[a].map((one, i) => one.kl - models[b][i].kl));
  return meanInterval(pairs, (difference) => difference);
}

/** Positions of one text resemble each other, so pieces of this length are drawn, not positions. */
const BLOCK_TOKENS = 64;
const NUM_DRAWS = 1000;

/** The mean over all positions, and its 95 % interval by drawing blocks of documents with replacement (fixed seed). */
function meanInterval<T>(documents: readonly (readonly T[])[], of: (item: T) => number): Interval {
  const blocks: { sum: number; count: number }[] = [];
  for (const items of documents) {
    for (let at = 0; at < items.length; at += BLOCK_TOKENS) {
      const block = items.slice(at, at + BLOCK_TOKENS);
      blocks.push({ sum: block.reduce((sum, item) => sum + of(item), 0), count: block.length });
    }
  }
  const mean = (drawn: readonly { sum: number; count: number }[]): number =>
    drawn.reduce((sum, block) => sum + block.sum, 0) / drawn.reduce((sum, block) => sum + block.count, 0);
  const random = new Random(1);
  const means = Float64Array.from({ length: NUM_DRAWS }, () =>
    mean(blocks.map(() => blocks[random.below(blocks.length)])),
  ).sort();
  return {
    value: mean(blocks),
    low: means[Math.floor(0.025 * NUM_DRAWS)],
    high: means[Math.floor(0.975 * NUM_DRAWS)],
  };
}

export interface WorstToken {
  readonly kl: number;
  readonly document: number;
  /** Of the token that follows, which is what was predicted. */
  readonly position: number;
}

/** Positions with the largest KL, largest first. */
export function worstTokens(
  documents: readonly DocumentDivergence[],
  model: number,
  count: number,
): WorstToken[] {
  return documents
    .flatMap(({ models }, document) => models[model].map(({ kl }, i) => ({ kl, document, position: i + 1 })))
    .filter(({ kl }) => kl > 0)
    .sort((a, b) => b.kl - a.kl)
    .slice(0, count);
}
