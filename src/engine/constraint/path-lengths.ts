import type { PathLengths } from './automaton.ts';
import { LIMITS, tooLarge } from './limits.ts';

export interface Step {
  readonly from: number;
  readonly to: number;
}

/** Steps that all graphs of one constraint may take together. */
export class LengthBudget {
  private work = 0;

  /** Throws `UsageError` when it is spent. */
  spend(numSteps: number): void {
    this.work += numSteps;
    if (this.work > LIMITS.work / 4) throw tooLarge('steps to prepare lengths', LIMITS.work / 4);
  }
}

/**
 * A limit of length is kept by counting, without a state for each count. Lengths up to `max` are of interest. Every state must
 * lead to an end.
 */
export function pathLengths(
  numStates: number,
  steps: readonly Step[],
  ends: Iterable<number>,
  max: number,
  budget = new LengthBudget(),
): PathLengths {
  const before: number[][] = Array.from({ length: numStates }, () => []);
  for (const { from, to } of steps) before[to].push(from);
  const lengths: number[][] = Array.from({ length: numStates }, () => []);
  const seen = new Map<string, number>();
  // The states from which exactly `length` steps lead to an end.
  let layer = [...new Set(ends)].sort((a, b) => a - b);
  let length = 0;
  for (; length <= max && layer.length > 0; length++) {
    const key = layer.join();
    const first = seen.get(key);
    if (first !== undefined) break;
    seen.set(key, length);
    const next = new Set<number>();
    for (const state of layer) {
      lengths[state].push(length);
      for (const from of before[state]) next.add(from);
      budget.spend(1 + before[state].length);
    }
    layer = [...next].sort((a, b) => a - b);
  }
  const repeats = length <= max ? seen.get(layer.join()) : undefined;
  const starts = new Int32Array(numStates + 1);
  for (const [i, list] of lengths.entries()) starts[i + 1] = starts[i] + list.length;
  return {
    longestWay: lengths.reduce((most, [first = 0]) => Math.max(most, first), 0),
    starts,
    lengths: Int32Array.from(lengths.flat()),
    periodStart: repeats ?? length,
    period: repeats === undefined ? 0 : length - repeats,
  };
}

/** Do at least `least` and at most `most` steps lead from a state to an end, for some number? */
export function hasLength(paths: PathLengths, state: number, least: number, most: number): boolean {
  if (most < 0) return false;
  const { starts, lengths, periodStart, period } = paths;
  const end = starts[state + 1];
  const firstFrom = (length: number): number => {
    let low = starts[state];
    for (let high = end; low < high; ) {
      const middle = (low + high) >> 1;
      if (lengths[middle] < length) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const from = Math.max(0, least);
  if (period === 0 || from < periodStart) {
    const found = firstFrom(from);
    if (found < end) return lengths[found] <= most;
    if (period === 0) return false;
  }
  // The first one at or after `start`, in the part that repeats.
  const start = Math.max(from, periodStart);
  const shift = Math.floor((start - periodStart) / period) * period;
  const first = firstFrom(periodStart);
  if (first === end) return false;
  const next = firstFrom(Math.max(periodStart, start - shift));
  return (next < end ? lengths[next] : lengths[first] + period) + shift <= most;
}
