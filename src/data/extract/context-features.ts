/**
 * What the second model sees in addition: how probable the first one finds the lines around a line. A line that says little is
 * main text where those of its box are, and is not below "You may also like".
 */
import { BOXES, NUM_RUNS, type Surroundings } from './line-features.ts';
import type { LineStats } from './line-stats.ts';

const NEIGHBOURS = [-3, -2, -1, 1, 2, 3] as const;
const WINDOWS = [5, 15] as const;

export const CONTEXT_FEATURES: readonly string[] = [
  'score',
  ...[...BOXES, 'headings'].map((run) => `score:${run}`),
  'score:look',
  'score:parent-look',
  ...NEIGHBOURS.map((offset) => `score@${offset}`),
  ...WINDOWS.map((size) => `score:window${size}`),
  'score:heading',
  'score:page',
  'score:greatest',
  'score:rank',
];

/** Row by row, `CONTEXT_FEATURES.length` numbers for each line. Means are by words. */
export function contextFeatures(
  scores: Float32Array,
  stats: readonly LineStats[],
  { runs, looks, parentLooks, headings }: Surroundings,
): Float32Array {
  const n = scores.length;
  const values = new Float32Array(n * CONTEXT_FEATURES.length);
  const weightSum = new Float64Array(n + 1);
  const scoreSum = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) {
    const weight = stats[i].words + 0.5;
    weightSum[i + 1] = weightSum[i] + weight;
    scoreSum[i + 1] = scoreSum[i] + weight * scores[i];
  }
  const mean = (from: number, to: number): number =>
    to > from ? (scoreSum[to] - scoreSum[from]) / (weightSum[to] - weightSum[from]) : -1;
  const lookMeans = groupMeans(looks);
  const parentLookMeans = groupMeans(parentLooks);
  // Share of the words of the page in lines of a higher score.
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
  const ranks = new Float64Array(n);
  let above = 0;
  for (const i of order) {
    ranks[i] = above / weightSum[n];
    above += stats[i].words + 0.5;
  }
  const greatest = n > 0 ? scores[order[0]] : 0;
  let at = 0;
  for (let i = 0; i < n; i++) {
    values[at++] = scores[i];
    for (let run = 0; run < NUM_RUNS; run++) {
      const place = (i * NUM_RUNS + run) * 2;
      values[at++] = mean(runs[place], runs[place + 1]);
    }
    values[at++] = lookMeans[looks[i]];
    values[at++] = parentLookMeans[parentLooks[i]];
    for (const offset of NEIGHBOURS) values[at++] = scores[i + offset] ?? -1;
    for (const size of WINDOWS) values[at++] = mean(Math.max(0, i - size), Math.min(n, i + size + 1));
    values[at++] = headings[i] < 0 ? -1 : scores[headings[i]];
    values[at++] = mean(0, n);
    values[at++] = greatest;
    values[at++] = ranks[i];
  }
  return values;

  function groupMeans(keys: Int32Array): Float64Array {
    const weights = new Float64Array(n);
    const sums = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const weight = stats[i].words + 0.5;
      weights[keys[i]] += weight;
      sums[keys[i]] += weight * scores[i];
    }
    return sums.map((sum, key) => (weights[key] > 0 ? sum / weights[key] : 0));
  }
}
