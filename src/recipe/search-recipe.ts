/**
 * Searches the types of a model's tensors for a budget of bytes. Gradients say what each type of each tensor costs, a solver
 * chooses, and what whole candidates are measured to cost corrects the prediction before the solver chooses again.
 */
import { UsageError } from '../core/errors.ts';
import { formatBytes, formatCount } from '../core/units.ts';
import { type StorageType, storageBytes } from '../dtype/index.ts';
import type { NamedShape } from '../quantize/stock-mixes.ts';
import { CandidateWeights } from './candidate-weights.ts';
import { DivergenceMeter, meanOf } from './measure-divergence.ts';
import {
  type Assignment,
  type Corrections,
  DivergenceObjective,
  type Objective,
  outputErrorObjective,
  type TensorChoices,
  type Totals,
} from './predicted-divergence.ts';
import { measureRerouteCosts, type RerouteCost } from './reroute-costs.ts';
import type { ResidentModel } from './resident-model.ts';
import { collectSensitivities, quantisedSpecs } from './sensitivities.ts';
import { type Budget, smallestTotals, solveTypes } from './solve-types.ts';
import { type CostOptions, choicesOf, rowsOf, type TensorEncoder } from './type-costs.ts';

export type Types = ReadonlyMap<string, StorageType>;

/** Pieces of text of one length. */
export interface CalibrationTexts {
  /** What gradients and corrections are from. */
  readonly search: readonly Int32Array[];
  /** What the search does not see: on it the result is compared with named mixes. */
  readonly guard: readonly Int32Array[];
}

export type Phase = 'gradients' | 'rerouting' | 'encoding' | 'measuring';

export interface SearchOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (phase: Phase, done: number, total: number) => void;
}

/** Texts of the search on which candidates are measured; all of them where there are fewer. */
const MEASURED_TEXTS = 32;

/** What is known of a model before there is a budget. */
export interface PreparedSearch {
  readonly model: ResidentModel;
  readonly tensors: readonly TensorChoices[];
  readonly rerouting: readonly RerouteCost[];
  readonly weights: CandidateWeights;
  readonly search: DivergenceMeter;
  readonly guard: DivergenceMeter;
}

export async function prepareSearch(
  model: ResidentModel,
  texts: CalibrationTexts,
  encoding: { readonly encoder: TensorEncoder } & Pick<CostOptions, 'importance' | 'typesFor'>,
  { signal, onProgress }: SearchOptions = {},
): Promise<PreparedSearch> {
  const through = (phase: Phase) => ({
    ...(signal && { signal }),
    onProgress: (done: number, total: number) => onProgress?.(phase, done, total),
  });
  const sensitivities = await collectSensitivities(model, texts.search, through('gradients'));
  const search = await DivergenceMeter.open(model, texts.search.slice(0, MEASURED_TEXTS), signal);
  const guard = await DivergenceMeter.open(model, texts.guard, signal);
  const rerouting = await measureRerouteCosts(model, sensitivities.margins, search, through('rerouting'));
  const layers = rerouting.map(({ layer }) => layer);
  const specs = quantisedSpecs(model);
  const tensors: TensorChoices[] = [];
  for (const [i, spec] of specs.entries()) {
    onProgress?.('encoding', i, specs.length);
    const options = { sensitivities, layers, ...encoding, ...(signal && { signal }) };
    tensors.push(await choicesOf(spec, rowsOf(model.weight(spec.name), spec), options));
  }
  const weights = new CandidateWeights(model, encoding.encoder);
  return { model, tensors, rerouting, weights, search, guard };
}

/** Types of a named mix and what they take. */
export interface NamedMix {
  readonly name: string;
  readonly types: Types;
}

export interface FoundRecipe {
  readonly types: Types;
  /** The named mix that it is, where none of ours was better. */
  readonly mix?: string;
  readonly bytes: number;
  readonly readBytes: number;
  /**
   * Mean KL divergence, nats for each token: as gradients had it, as corrected by other candidates, and measured. Without
   * the first two for a named mix.
   */
  readonly kl: { readonly gradients?: number; readonly predicted?: number; readonly measured: number };
  /** On text that the search did not see: this recipe, and the best named mix of at most its size. */
  readonly guard: { readonly kl: number; readonly mix?: { readonly name: string; readonly kl: number } };
  /** Share of the predicted divergence by tensor. */
  readonly shares: ReadonlyMap<string, number>;
}

const ROUNDS = 3;
const MIXES_TO_MEASURE = 2;

export async function searchRecipe(
  { tensors, rerouting, weights, search, guard }: PreparedSearch,
  budget: Budget,
  mixes: readonly NamedMix[],
  { signal, onProgress, objective = 'kl' }: SearchOptions & { objective?: 'kl' | 'weight-error' } = {},
): Promise<FoundRecipe> {
  checkBudget(tensors, budget);
  const rivals = rivalsOf(tensors, budget, mixes);
  const total = (objective === 'kl' ? ROUNDS : 1) + rivals.length + 1;
  let done = 0;
  const measure = async (types: Types, meter: DivergenceMeter): Promise<number> => {
    onProgress?.('measuring', Math.min(done++, total), total);
    await weights.apply(types, signal);
    return meanOf(await meter.measure(signal));
  };
  try {
    const divergence = new DivergenceObjective(rerouting);
    const points: Point[] = [];
    let best: { assignment: Assignment; totals: Totals; measured: number } | undefined;
    for (let round = 0; round < (objective === 'kl' ? ROUNDS : 1); round++) {
      const corrected = new DivergenceObjective(rerouting, correctionsFrom(points));
      const target: Objective = objective === 'kl' ? corrected : outputErrorObjective;
      const { assignment, totals } = solveTypes(tensors, budget, target);
      if (points.some((point) => point.key === String(assignment))) break;
      const measured = await measure(typesOf(tensors, assignment), search);
      points.push({ key: String(assignment), ...divergence.parts(totals), measured });
      if (!best || measured < best.measured) best = { assignment, totals, measured };
    }
    const { assignment, totals, measured } = best as NonNullable<typeof best>;
    // From what the other candidates taught: a prediction that its own measurement had corrected would be none.
    const others = points.filter(({ key }) => key !== String(assignment));
    const predicted = new DivergenceObjective(rerouting, correctionsFrom(others)).value(totals);
    const types = typesOf(tensors, assignment);
    const ours: FoundRecipe = {
      types,
      bytes: totals.bytes,
      readBytes: totals.readBytes,
      kl: { gradients: divergence.value(totals), predicted, measured },
      guard: { kl: await measure(types, guard) },
      shares: sharesOf(tensors, assignment, totals, divergence),
    };
    const measuredMixes: { name: string; types: Types; kl: number; bytes: number; readBytes: number }[] = [];
    for (const rival of rivals) measuredMixes.push({ ...rival, kl: await measure(rival.types, guard) });
    const [mix] = measuredMixes.sort((a, b) => a.kl - b.kl);
    if (!mix) return ours;
    const compared = { ...ours, guard: { ...ours.guard, mix: { name: mix.name, kl: mix.kl } } };
    if (mix.kl >= ours.guard.kl) return compared;
    const { name, types: theirs, bytes, readBytes } = mix;
    return {
      ...{ types: theirs, bytes, readBytes, mix: name, shares: new Map() },
      kl: { measured: await measure(theirs, search) },
      guard: { kl: mix.kl, mix: compared.guard.mix },
    };
  } finally {
    await weights.apply(new Map());
  }
}

export function typesOf(tensors: readonly TensorChoices[], assignment: Assignment): Types {
  return new Map(tensors.map(({ name, choices }, i) => [name, choices[assignment[i]].type]));
}

/** Bytes of tensors in certain types; undefined for types that are not among what they were tried in. */
export function sizeOf(
  tensors: readonly TensorChoices[],
  types: Types,
): { bytes: number; readBytes: number } {
  let [bytes, readBytes] = [0, 0];
  for (const { name, shape, choices } of tensors) {
    const type = types.get(name) as StorageType;
    const size = storageBytes(
      type,
      shape.reduce((a, b) => a * b, 1),
    );
    const [{ bytes: known, readBytes: read }] = choices;
    bytes += size;
    readBytes += (size * read) / known;
  }
  return { bytes, readBytes };
}

/** The largest named mixes that keep to the budget: one of them is the best. */
function rivalsOf(
  tensors: readonly TensorChoices[],
  budget: Budget,
  mixes: readonly NamedMix[],
): (NamedMix & { bytes: number; readBytes: number })[] {
  return mixes
    .map((mix) => ({ ...mix, ...sizeOf(tensors, mix.types) }))
    .filter(({ bytes, readBytes }) => bytes <= budget.bytes && readBytes <= budget.readBytes)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, MIXES_TO_MEASURE);
}

/** Throws `UsageError` (`impossible-budget`) with the smallest possible size, and what makes it so large. */
export function checkBudget(tensors: readonly (NamedShape & TensorChoices)[], budget: Budget): void {
  const { bytes, readBytes } = smallestTotals(tensors);
  if (bytes <= budget.bytes && readBytes <= budget.readBytes) return;
  const isFile = bytes > budget.bytes;
  const sizeIn = ({ choices: [least] }: TensorChoices): number => (isFile ? least.bytes : least.readBytes);
  const elements = ({ shape }: NamedShape): number => shape.reduce((a, b) => a * b, 1);
  const bits = (tensor: TensorChoices): number => (8 * tensor.choices[0].bytes) / elements(tensor);
  // What is far above the smallest type is so because of its rows.
  const [binding] = [...tensors].sort((a, b) => bits(b) * sizeIn(b) - bits(a) * sizeIn(a));
  const besides = (isFile ? budget.besides?.bytes : budget.besides?.readBytes) ?? 0;
  const [given, least] = isFile ? [budget.bytes, bytes] : [budget.readBytes, readBytes];
  const weights = tensors.reduce((sum, tensor) => sum + elements(tensor), 0);
  throw new UsageError(
    `Cannot ${isFile ? 'store the model in' : 'let a token read'} ${formatBytes(given + besides)}: ` +
      `the smallest possible is ${formatCount(least + besides)} B` +
      (isFile ? `; the matrices alone take ${((8 * bytes) / weights).toFixed(2)} bits per weight` : ''),
    {
      code: 'impossible-budget',
      hint:
        `give --${isFile ? 'budget' : 'decode-budget'} ${least + besides}B or more; ${binding.name} takes ${formatBytes(sizeIn(binding))} of it: no type below ${bits(binding).toFixed(2)} bits has blocks ` +
        `that divide rows of ${formatCount(binding.shape[binding.shape.length - 1])} values, or --tensor-type rules it out`,
    },
  );
}

interface Point {
  readonly key: string;
  readonly likelihood: number;
  readonly rerouting: number;
  readonly measured: number;
}

/** How much a prior of no correction counts, in measurements. */
const PRIOR = 0.1;

/** Factors of the two parts that fit what was measured, relative errors squared, and stay near one where it does not say. */
export function correctionsFrom(points: readonly Point[]): Corrections {
  let [a, b, c, x, y] = [PRIOR, 0, PRIOR, PRIOR, PRIOR];
  for (const { likelihood, rerouting, measured } of points) {
    if (!(measured > 0)) continue;
    const [u, v] = [likelihood / measured, rerouting / measured];
    a += u * u;
    b += u * v;
    c += v * v;
    x += u;
    y += v;
  }
  const determinant = a * c - b * b;
  const within = (value: number): number => Math.min(4, Math.max(0.25, value));
  return {
    likelihood: within((c * x - b * y) / determinant),
    rerouting: within((a * y - b * x) / determinant),
  };
}

/** The objective is not a sum over tensors; shares are those of the plane that touches it. */
function sharesOf(
  tensors: readonly TensorChoices[],
  assignment: Assignment,
  totals: Totals,
  objective: Objective,
): Map<string, number> {
  const slopes = objective.slopes(totals);
  const costs = tensors.map(({ choices }, i) => {
    const { likelihood, variances } = choices[assignment[i]];
    return variances.reduce((sum, v, l) => sum + slopes.variances[l] * v, slopes.likelihood * likelihood);
  });
  const sum = costs.reduce((a, b) => a + b, 0);
  return new Map(tensors.map(({ name }, i) => [name, sum > 0 ? costs[i] / sum : 0]));
}
