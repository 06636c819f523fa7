/** Sets of byte ranges, each from `start` to before `end`. */
export type Interval = readonly [start: number, end: number];

/** Which bytes of a file are there: sorted ranges that neither touch nor overlap. */
export class IntervalSet {
  private ranges: [number, number][] = [];

  constructor(ranges: readonly Interval[] = []) {
    for (const [start, end] of ranges) this.add(start, end);
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const before = this.ranges.filter((range) => range[1] < start);
    const after = this.ranges.filter((range) => range[0] > end);
    const touched = this.ranges.slice(before.length, this.ranges.length - after.length);
    const merged: [number, number] = [
      Math.min(start, ...touched.map((range) => range[0])),
      Math.max(end, ...touched.map((range) => range[1])),
    ];
    this.ranges = [...before, merged, ...after];
  }

  /** Bytes in all ranges. */
  get totalBytes(): number {
    return this.ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  /** Where the range that holds `position` ends; `position` itself if none does. */
  endOfRunAt(position: number): number {
    return this.ranges.find(([start, end]) => start <= position && position < end)?.[1] ?? position;
  }

  /** What is not there from `from` to before `to`, in pieces of at most `pieceBytes`. */
  gaps(from: number, to: number, pieceBytes = Number.POSITIVE_INFINITY): Interval[] {
    const gaps: Interval[] = [];
    let at = from;
    for (const [start, end] of [...this.ranges, [to, to] as const]) {
      for (const border = Math.min(start, to); at < border; ) {
        const next = Math.min(at + pieceBytes, border);
        gaps.push([at, next]);
        at = next;
      }
      at = Math.max(at, end);
    }
    return gaps;
  }

  list(): Interval[] {
    return this.ranges.map(([start, end]) => [start, end]);
  }
}
