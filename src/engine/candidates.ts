/** Finding the most likely of 152,064 tokens without sorting them all: a full sort takes longer than a step of a small model. */

const NOTHING: ReadonlySet<number> = new Set();

/** Index of the largest value that is not among `skipped`, ties to the lowest; 0 if there is none. NaN never wins. */
export function argmax(values: Float32Array, skipped = NOTHING): number {
  let best = 0;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    // Few values are larger than all before them, so the set is seldom asked.
    if (values[i] > max && !skipped.has(i)) {
      max = values[i];
      best = i;
    }
  }
  return best;
}

/** Up to this many, inserting into a sorted list is cheaper than sorting everything. */
const FEW = 512;

/** The `count` ids with the largest scores, best first, ties to the lower id. */
export function mostLikely(scores: Float32Array, count: number): number[] {
  const kept = Math.min(count, scores.length);
  if (kept > FEW)
    return sorted(
      scores,
      Uint32Array.from(scores, (_, id) => id),
    ).slice(0, kept);
  const ids: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id];
    // Ids come in ascending order, so an equal score stays after those that are there.
    if (ids.length === kept && !(score > last)) continue;
    let at = ids.length < kept ? ids.length : kept - 1;
    for (; at > 0 && scores[ids[at - 1]] < score; at--) ids[at] = ids[at - 1];
    ids[at] = id;
    last = scores[ids[ids.length - 1]];
  }
  return ids;
}

/** Softmax before it is divided by its sum: the weight of the best score is 1. */
export interface Weights {
  readonly scores_V: Float32Array;
  readonly max: number;
  readonly temperature: number;
  /** exp((score - max) / temperature) */
  readonly weights_V: Float64Array;
}

/** Bins of the nucleus search: each a factor of e^(1/8) wide, down to weights of e^-64, which no sum notices. */
const BINS_PER_NAT = 8;
const NUM_BINS = 64 * BINS_PER_NAT;

/**
 * The ids, best first, whose weights are at least `minWeight` and that are the first to reach `share` of the total weight.
 * Only those that may be among them are sorted: all are counted into bins of like weight first.
 */
export function nucleus(weights: Weights, share: number, minWeight: number): number[] {
  const { scores_V, weights_V, max, temperature } = weights;
  const scale = BINS_PER_NAT / temperature;
  // The last bin takes what is left, minus infinity and NaN among it.
  const binOf = (id: number): number => {
    const bin = (max - scores_V[id]) * scale;
    return bin < NUM_BINS ? Math.floor(bin) : NUM_BINS;
  };
  let needed = Number.POSITIVE_INFINITY;
  let lastBin = NUM_BINS;
  if (share < 1) {
    const binWeights = new Float64Array(NUM_BINS + 1);
    for (let id = 0; id < weights_V.length; id++) binWeights[binOf(id)] += weights_V[id];
    needed = share * binWeights.reduce((a, b) => a + b);
    let reached = 0;
    // Sums in another order differ in their last bits; a billionth more leaves no token out.
    const bin = binWeights.findIndex((weight) => {
      reached += weight;
      return reached >= needed * (1 + 1e-9);
    });
    if (bin >= 0) lastBin = bin;
  }
  const candidates: number[] = [];
  for (let id = 0; id < weights_V.length; id++)
    if (weights_V[id] >= minWeight && binOf(id) <= lastBin) candidates.push(id);
  const ids = sorted(scores_V, Uint32Array.from(candidates));
  return ids.slice(
    0,
    numReaching(ids, (id) => weights_V[id], needed),
  );
}

/** How many of the first items it takes to reach `needed`; all, where they do not. */
export function numReaching<T>(items: readonly T[], weightOf: (item: T) => number, needed: number): number {
  let reached = 0;
  const end = items.findIndex((item) => {
    reached += weightOf(item);
    return reached >= needed;
  });
  return end < 0 ? items.length : end + 1;
}

function sorted(scores: Float32Array, ids: Uint32Array): number[] {
  return Array.from(ids.sort((a, b) => scores[b] - scores[a] || a - b));
}
