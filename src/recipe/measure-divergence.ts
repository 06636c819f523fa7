/** Mean KL divergence of changed weights from the original ones, on text whose original predictions are kept in memory. */
import { FormatError } from '../core/errors.ts';
import type { ResidentModel } from './resident-model.ts';

interface Predictions {
  readonly tokens_T: Int32Array;
  /** Probabilities [T, V]. */
  readonly p: Float32Array;
  /** Of each position: Σ p · logit, less ln Σ e^logit. */
  readonly negentropy: Float64Array;
}

export class DivergenceMeter {
  private readonly model: ResidentModel;
  private readonly kept: readonly Predictions[];

  private constructor(model: ResidentModel, kept: readonly Predictions[]) {
    this.model = model;
    this.kept = kept;
  }

  /** Keeps the predictions of the model as it is now. */
  static async open(
    model: ResidentModel,
    texts: readonly Int32Array[],
    signal?: AbortSignal,
  ): Promise<DivergenceMeter> {
    const kept: Predictions[] = [];
    for (const tokens_T of texts) {
      const logits = await model.logits(tokens_T, signal);
      kept.push({ tokens_T, ...predictionsOf(logits, tokens_T.length) });
    }
    return new DivergenceMeter(model, kept);
  }

  get numTokens(): number {
    return this.kept.reduce((sum, { tokens_T }) => sum + tokens_T.length, 0);
  }

  /** Nats for each token; one mean for each text. `beforeText` may change the model. */
  async measure(signal?: AbortSignal, beforeText?: () => void): Promise<Float64Array> {
    const found = new Float64Array(this.kept.length);
    for (const [i, { tokens_T, p, negentropy }] of this.kept.entries()) {
      beforeText?.();
      const logits = await this.model.logits(tokens_T, signal);
      const vocabSize = logits.length / tokens_T.length;
      let sum = 0;
      for (let t = 0; t < tokens_T.length; t++) {
        const start = t * vocabSize;
        let cross = 0;
        for (let v = start; v < start + vocabSize; v++) cross += p[v] * logits[v];
        sum += negentropy[t] - cross + logSumExp(logits, start, vocabSize);
      }
      found[i] = sum / tokens_T.length;
    }
    return found;
  }
}

/** Texts have one length, or count the same. */
export function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function predictionsOf(logits: Float32Array, numTokens: number): Omit<Predictions, 'tokens_T'> {
  const vocabSize = logits.length / numTokens;
  const p = new Float32Array(logits.length);
  const negentropy = new Float64Array(numTokens);
  for (let t = 0; t < numTokens; t++) {
    const start = t * vocabSize;
    const logSum = logSumExp(logits, start, vocabSize);
    if (!Number.isFinite(logSum)) {
      throw new FormatError('Cannot search a recipe: the model gives logits that are not numbers', {
        code: 'not-a-number',
        hint: 'its weights are damaged, or its training went wrong',
      });
    }
    let total = 0;
    for (let v = start; v < start + vocabSize; v++) {
      p[v] = Math.exp(logits[v] - logSum);
      total += p[v];
    }
    // Rounded to f32 they do not quite add up to one, and KL is a small difference of large sums.
    let sum = 0;
    for (let v = start; v < start + vocabSize; v++) {
      p[v] /= total;
      sum += p[v] * logits[v];
    }
    negentropy[t] = sum - logSum;
  }
  return { p, negentropy };
}

function logSumExp(logits: Float32Array, start: number, count: number): number {
  let max = Number.NEGATIVE_INFINITY;
  for (let v = start; v < start + count; v++) if (logits[v] > max) max = logits[v];
  let sum = 0;
  for (let v = start; v < start + count; v++) sum += Math.exp(logits[v] - max);
  return Math.log(sum) + max;
}
