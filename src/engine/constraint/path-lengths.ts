import { LIMITS, tooLarge } from './limits.ts';

export interface Step {
  readonly from: number;
  readonly to: number;
}

/** How many steps lead from each state of a graph to an end: a limit of length is kept by counting, without a state for each count. */
export class PathLengths {
  /** Most steps that any state needs to get to the nearest end. */
  readonly longestWay: number;
  /** By state: lengths in ascending order, below `known`. From `periodStart` on they repeat with `period`. */
  private readonly lengths: number[][];
  private readonly periodStart: number;
  private readonly period: number;

  /** Lengths up to `max` are of interest. Every state must lead to an end. Throws `UsageError` if that takes too long. */
  constructor(numStates: number, steps: readonly Step[], ends: Iterable<number>, max: number) {
    const before: number[][] = Array.from({ length: numStates }, () => []);
    for (const { from, to } of steps) before[to].push(from);
    this.lengths = Array.from({ length: numStates }, () => []);
    const seen = new Map<string, number>();
    let work = 0;
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
        this.lengths[state].push(length);
        for (const from of before[state]) next.add(from);
        work += 1 + before[state].length;
      }
      if (work > LIMITS.work / 4) throw tooLarge('steps to prepare a pattern with a length', LIMITS.work / 4);
      layer = [...next].sort((a, b) => a - b);
    }
    const repeats = length <= max ? seen.get(layer.join()) : undefined;
    this.periodStart = repeats ?? length;
    this.period = repeats === undefined ? 0 : length - repeats;
    this.longestWay = Math.max(0, ...this.lengths.map((list) => list[0] ?? 0));
  }

  /** Do at least `least` and at most `most` steps lead from a state to an end, for some number? */
  has(state: number, least: number, most: number): boolean {
    if (most < 0) return false;
    const { periodStart, period } = this;
    const list = this.lengths[state];
    const from = Math.max(0, least);
    if (period === 0 || from < periodStart) {
      const found = list.find((length) => length >= from);
      if (found !== undefined) return found <= most;
      if (period === 0) return false;
    }
    // The first one at or after `start`, in the part that repeats.
    const start = Math.max(from, periodStart);
    const shift = Math.floor((start - periodStart) / period) * period;
    const inPeriod = list.filter((length) => length >= periodStart);
    if (inPeriod.length === 0) return false;
    const next = inPeriod.find((length) => length + shift >= start) ?? inPeriod[0] + period;
    return next + shift <= most;
  }
}
