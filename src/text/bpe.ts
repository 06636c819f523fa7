/**
 * Byte-pair merging of one piece: the adjacent pair with the lowest rank becomes one token, the leftmost on ties, until no
 * pair has a merge. Two ways to the same result: a scan for words, a heap for long pieces.
 */
import { type MergeTable, NO_MERGE } from './merge-table.ts';
import { toEnd } from './steps.ts';

// Up to here finding the lowest rank by a scan is faster than keeping a heap; the worst case stays at 32k steps.
const LONGEST_SCAN = 256;

// Rank and position share one double, rank first, so that one comparison orders by both.
const POSITIONS = 2 ** 31;

/** Candidates of one step, about a millisecond. */
const STEP_CANDIDATES = 4096;

export class Merger {
  private readonly merges: MergeTable;
  private readonly ranks = new Int32Array(LONGEST_SCAN);

  constructor(merges: MergeTable) {
    this.merges = merges;
  }

  /** Merges the first `length` ids in place; the number that is left. */
  merge(ids: Int32Array, length: number): number {
    return length <= LONGEST_SCAN ? this.mergeByScan(ids, length) : toEnd(this.mergeByHeap(ids, length));
  }

  /** The same, in steps. */
  *mergeSteps(ids: Int32Array, length: number): Generator<void, number> {
    return length <= LONGEST_SCAN ? this.mergeByScan(ids, length) : yield* this.mergeByHeap(ids, length);
  }

  private mergeByScan(ids: Int32Array, length: number): number {
    const { merges, ranks } = this;
    // ranks[i] belongs to the pair (i, i + 1).
    for (let i = 0; i + 1 < length; i++) ranks[i] = merges.rankOf(ids[i], ids[i + 1]);
    let count = length;
    for (;;) {
      let lowest = NO_MERGE;
      let at = 0;
      for (let i = 0; i < count - 1; i++) {
        if (ranks[i] < lowest) {
          lowest = ranks[i];
          at = i;
        }
      }
      if (lowest === NO_MERGE) return count;
      const merged = merges.mergedAt(lowest);
      ids[at] = merged;
      count--;
      for (let i = at + 1; i < count; i++) {
        ids[i] = ids[i + 1];
        ranks[i] = ranks[i + 1];
      }
      if (at > 0) ranks[at - 1] = merges.rankOf(ids[at - 1], merged);
      if (at + 1 < count) ranks[at] = merges.rankOf(merged, ids[at + 1]);
    }
  }

  private *mergeByHeap(ids: Int32Array, length: number): Generator<void, number> {
    const { merges } = this;
    const previous = new Int32Array(length);
    const next = new Int32Array(length);
    const heap = new CandidateHeap(length);
    for (let i = 0; i < length; i++) {
      previous[i] = i - 1;
      next[i] = i + 1;
      const rank = i + 1 < length ? merges.rankOf(ids[i], ids[i + 1]) : NO_MERGE;
      if (rank !== NO_MERGE) heap.push(rank * POSITIONS + i);
      if (i % STEP_CANDIDATES === STEP_CANDIDATES - 1) yield;
    }
    for (let numTaken = 1; heap.size > 0; numTaken++) {
      if (numTaken % STEP_CANDIDATES === 0) yield;
      const candidate = heap.pop();
      const rank = Math.floor(candidate / POSITIONS);
      const at = candidate - rank * POSITIONS;
      const after = next[at];
      // A merge since then may have swallowed this token (it is -1 now) or changed the pair.
      if (ids[at] < 0 || after >= length || merges.rankOf(ids[at], ids[after]) !== rank) continue;
      const merged = merges.mergedAt(rank);
      ids[at] = merged;
      ids[after] = -1;
      const end = next[after];
      next[at] = end;
      if (end < length) {
        previous[end] = at;
        const rankRight = merges.rankOf(merged, ids[end]);
        if (rankRight !== NO_MERGE) heap.push(rankRight * POSITIONS + at);
      }
      const before = previous[at];
      if (before >= 0) {
        const rankLeft = merges.rankOf(ids[before], merged);
        if (rankLeft !== NO_MERGE) heap.push(rankLeft * POSITIONS + before);
      }
    }
    let count = 0;
    for (let i = 0; i < length; i = next[i]) ids[count++] = ids[i];
    return count;
  }
}

/** A binary heap of numbers, lowest first. */
class CandidateHeap {
  size = 0;
  private values: Float64Array;

  constructor(capacity: number) {
    this.values = new Float64Array(capacity + 1);
  }

  push(value: number): void {
    if (this.size === this.values.length) {
      const grown = new Float64Array(this.size * 2);
      grown.set(this.values);
      this.values = grown;
    }
    const { values } = this;
    let i = this.size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (values[parent] <= value) break;
      values[i] = values[parent];
      i = parent;
    }
    values[i] = value;
  }

  pop(): number {
    const { values } = this;
    const top = values[0];
    const last = values[--this.size];
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && values[child + 1] < values[child]) child++;
      if (values[child] >= last) break;
      values[i] = values[child];
      i = child;
    }
    values[i] = last;
    return top;
  }
}
