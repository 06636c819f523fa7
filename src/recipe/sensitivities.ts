/**
 * What an error in each weight does to a model's predictions, from gradients over text. Two things happen, and each has its own
 * measure (docs/recipe.md derives them):
 *
 * - The distribution of the next token moves. Its KL divergence from the original's is half the square of how far the
 *   log-likelihood of a sampled token moves, to second order: the Fisher information. The tokens are sampled from the model itself.
 * - A router scores two experts in another order, and a token goes elsewhere. How often, follows from the variance of the
 *   difference between the last score that is chosen and the first that is not: the margin.
 */
import { CounterRandom } from '../core/counter-random.ts';
import { FormatError } from '../core/errors.ts';
import type { WeightSpec } from '../model/architecture.ts';
import { type RoutedLayer, weightSpecs } from '../model/weights.ts';
import { isQuantised } from '../quantize/stock-mixes.ts';
import type { ResidentModel } from './resident-model.ts';
import { SquaredGradients } from './squared-gradients.ts';

export interface Sensitivities {
  /** By the weight's name: squares of ∂ ln p(sampled token), for each token of text. */
  readonly likelihood: ReadonlyMap<string, SquaredGradients>;
  /** Of layers with experts: squares of ∂ margin, for each token; and how large margins are. */
  readonly margins: readonly MarginSensitivity[];
}

export interface MarginSensitivity extends RoutedLayer {
  readonly squares: ReadonlyMap<string, SquaredGradients>;
  /** Ascending. */
  readonly sizes: Float64Array;
}

export interface SensitivityOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (doneTexts: number, totalTexts: number) => void;
}

/** Streams of random numbers. */
const LABELS = 1;
const SIGNS = 2;

/** One forward and one backward pass over each text, and another over it for the margins of one of the layers. */
export async function collectSensitivities(
  model: ResidentModel,
  texts: readonly Int32Array[],
  { signal, onProgress }: SensitivityOptions = {},
): Promise<Sensitivities> {
  const specs = quantisedSpecs(model);
  const likelihood = new Map(specs.map((spec) => [spec.name, new SquaredGradients(spec)]));
  const margins = model.routed.map((layer) => ({
    ...layer,
    squares: new Map<string, SquaredGradients>(),
    sizes: [] as number[],
    numTokens: 0,
  }));
  const numTokens = texts.reduce((sum, { length }) => sum + length, 0);
  for (const [n, tokens_T] of texts.entries()) {
    onProgress?.(n, texts.length);
    const logits = await model.logits(tokens_T, signal);
    const labels_T = sampleLabels(logits, tokens_T.length, new CounterRandom(0, LABELS, n));
    await model.likelihoodGradients(tokens_T, labels_T, signal);
    for (const [name, squares] of likelihood)
      squares.add(finite(model.gradient(name) as Float32Array, name), 1 / numTokens);
    if (margins.length === 0) continue;
    const margin = margins[n % margins.length];
    const scores_TE = (await model.scores(tokens_T, signal)).get(margin.layer) as Float32Array;
    const factors_TE = marginFactors(scores_TE, biasOf(model, margin), margin, n);
    margin.sizes.push(...factors_TE.sizes);
    margin.numTokens += tokens_T.length;
    await model.marginGradients(tokens_T, margin.layer, factors_TE.factors, signal);
    for (const spec of specs) {
      const gradient = model.gradient(spec.name) as Float32Array;
      const known = margin.squares.get(spec.name);
      // Weights of later layers have no part in the scores.
      if (!known && gradient.every((value) => value === 0)) continue;
      const squares = known ?? new SquaredGradients(spec);
      squares.add(finite(gradient, spec.name), 1);
      margin.squares.set(spec.name, squares);
    }
  }
  onProgress?.(texts.length, texts.length);
  return {
    likelihood,
    margins: margins.map(({ sizes, numTokens: seen, squares, ...layer }) => {
      for (const one of squares.values()) one.scale(1 / Math.max(1, seen));
      return { ...layer, squares, sizes: Float64Array.from(sizes).sort() };
    }),
  };
}

/** Matrices that may have another type than f32. */
export function quantisedSpecs({ config }: Pick<ResidentModel, 'config'>): WeightSpec[] {
  return weightSpecs(config).filter(({ gguf, shape }) => isQuantised({ name: gguf, shape }));
}

/** What is added to the scores where experts are chosen. */
export function biasOf(model: ResidentModel, { bias, numExperts }: RoutedLayer): Float32Array {
  return bias === undefined ? new Float32Array(numExperts) : model.weight(bias);
}

/** A token after each position, drawn from the model's own distribution. */
export function sampleLabels(logits: Float32Array, numTokens: number, random: CounterRandom): Int32Array {
  const vocabSize = logits.length / numTokens;
  return Int32Array.from({ length: numTokens }, (_, t) => {
    const logits_V = logits.subarray(t * vocabSize, (t + 1) * vocabSize);
    let max = Number.NEGATIVE_INFINITY;
    for (const logit of logits_V) if (logit > max) max = logit;
    let sum = 0;
    for (const logit of logits_V) sum += Math.exp(logit - max);
    let left = random.uniform(t) * sum;
    for (let token = 0; token < vocabSize - 1; token++) {
      left -= Math.exp(logits_V[token] - max);
      if (left < 0) return token;
    }
    return vocabSize - 1;
  });
}

/**
 * The gradients of all margins of a text in one pass: each counts with a random sign, so that in the mean square of the sum the
 * products of two of them cancel.
 */
function marginFactors(
  scores_TE: Float32Array,
  bias_E: Float32Array,
  { numExperts, numChosen }: RoutedLayer,
  text: number,
): { factors: Float32Array; sizes: number[] } {
  const random = new CounterRandom(0, SIGNS, text);
  const factors = new Float32Array(scores_TE.length);
  const sizes: number[] = [];
  for (let start = 0; start < scores_TE.length; start += numExperts) {
    const choice = Float64Array.from(bias_E, (bias, e) => scores_TE[start + e] + bias);
    const order = Array.from(choice.keys()).sort((a, b) => choice[b] - choice[a]);
    const [last, next] = [order[numChosen - 1], order[numChosen]];
    // Where every token goes to all experts there is nothing to choose.
    if (next === undefined) continue;
    sizes.push(choice[last] - choice[next]);
    const sign = random.uniform(start / numExperts) < 0.5 ? 1 : -1;
    factors[start + last] = sign;
    factors[start + next] = -sign;
  }
  return { factors, sizes };
}

function finite(gradient: Float32Array, name: string): Float32Array {
  let at = 0;
  while (at < gradient.length && gradient[at] - gradient[at] === 0) at++;
  if (at === gradient.length) return gradient;
  throw new FormatError(`Cannot search a recipe: gradient ${at} of ${name} is ${gradient[at]}`, {
    code: 'not-a-number',
    hint: 'the weights of the model are damaged, or its training went wrong',
  });
}
