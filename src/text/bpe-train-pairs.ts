/**
 * The pairs a BPE trainer is watching: an open-addressed table (left, right) -> pair number, and for each pair its
 * count and the slots where it was seen. Everything is typed arrays; a pair costs 40 bytes and no object.
 */
export class PairTable {
  size = 0;
  left = new Int32Array(1 << 10);
  right = new Int32Array(1 << 10);
  /** Occurrences in the corpus now. Once known, it only ever falls. */
  counts = new Float64Array(1 << 10);
  /** Where pair `p` was seen: `lists[listOf[p]][listStart[p]..listEnd[p])`, ascending; entries may be outdated. */
  private listOf = new Int32Array(1 << 10);
  private listStart = new Int32Array(1 << 10);
  private listEnd = new Int32Array(1 << 10);
  private readonly lists: Int32Array[] = [];
  /** Three numbers a slot: left, right, pair number + 1 (0: free), together so that a probe touches one cache line. */
  private slots = new Int32Array(3 << 11);
  private mask = (1 << 11) - 1;

  /** Pair number, or -1. */
  find(left: number, right: number): number {
    const { slots, mask } = this;
    for (let slot = hashPair(left, right) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot * 3 + 2];
      if (entry === 0) return -1;
      if (slots[slot * 3] === left && slots[slot * 3 + 1] === right) return entry - 1;
    }
  }

  /** Pair number of a pair that is added with count 0 where it is new. */
  findOrAdd(left: number, right: number): number {
    const found = this.find(left, right);
    if (found >= 0) return found;
    const pair = this.size++;
    if (pair === this.left.length) this.growPairs();
    this.left[pair] = left;
    this.right[pair] = right;
    this.counts[pair] = 0;
    this.listEnd[pair] = this.listStart[pair];
    this.place(pair);
    if (this.size * 2 > this.mask) this.growSlots();
    return pair;
  }

  subtract(left: number, right: number, weight: number): void {
    const pair = this.find(left, right);
    if (pair >= 0) this.counts[pair] -= weight;
  }

  /** Register a buffer that `setList` may refer to; returns its number. */
  addBuffer(buffer: Int32Array): number {
    return this.lists.push(buffer) - 1;
  }

  setList(pair: number, buffer: number, start: number, end: number): void {
    this.listOf[pair] = buffer;
    this.listStart[pair] = start;
    this.listEnd[pair] = end;
  }

  /** The slots of a pair, as a view. */
  list(pair: number): Int32Array {
    return this.lists[this.listOf[pair]].subarray(this.listStart[pair], this.listEnd[pair]);
  }

  private place(pair: number): void {
    const { slots, mask } = this;
    let slot = hashPair(this.left[pair], this.right[pair]) & mask;
    while (slots[slot * 3 + 2] !== 0) slot = (slot + 1) & mask;
    slots[slot * 3] = this.left[pair];
    slots[slot * 3 + 1] = this.right[pair];
    slots[slot * 3 + 2] = pair + 1;
  }

  private growSlots(): void {
    this.mask = this.mask * 2 + 1;
    this.slots = new Int32Array((this.mask + 1) * 3);
    for (let pair = 0; pair < this.size; pair++) this.place(pair);
  }

  private growPairs(): void {
    for (const name of ['left', 'right', 'listOf', 'listStart', 'listEnd'] as const) {
      const old = this[name];
      this[name] = new Int32Array(old.length * 2);
      this[name].set(old);
    }
    const counts = this.counts;
    this.counts = new Float64Array(counts.length * 2);
    this.counts.set(counts);
  }
}

/** A well-mixed unsigned 32-bit hash of two symbols. */
export function hashPair(left: number, right: number): number {
  let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/**
 * A max-heap of pairs by the count each had when pushed; equal counts come out lowest (left, right) first. Counts in
 * the table fall while their pair waits here, so `popBest` pushes a pair whose count has fallen back with today's.
 */
export class PairHeap {
  private readonly table: PairTable;
  private pairs = new Int32Array(1 << 10);
  private counts = new Float64Array(1 << 10);
  private size = 0;

  constructor(table: PairTable) {
    this.table = table;
  }

  push(pair: number): void {
    if (this.size === this.pairs.length) {
      const pairs = new Int32Array(this.size * 2);
      const counts = new Float64Array(this.size * 2);
      pairs.set(this.pairs);
      counts.set(this.counts);
      this.pairs = pairs;
      this.counts = counts;
    }
    const count = this.table.counts[pair];
    let hole = this.size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.before(count, pair, parent)) break;
      this.pairs[hole] = this.pairs[parent];
      this.counts[hole] = this.counts[parent];
      hole = parent;
    }
    this.pairs[hole] = pair;
    this.counts[hole] = count;
  }

  /** The pair with the highest count of at least `minCount`, removed from the heap, or -1. */
  popBest(minCount: number): number {
    while (this.size > 0) {
      const pair = this.pairs[0];
      const pushed = this.counts[0];
      this.removeTop();
      const count = this.table.counts[pair];
      if (count < minCount) continue;
      if (count === pushed) return pair;
      this.push(pair);
    }
    return -1;
  }

  private removeTop(): void {
    const last = --this.size;
    const pair = this.pairs[last];
    const count = this.counts[last];
    let hole = 0;
    for (;;) {
      let child = hole * 2 + 1;
      if (child >= last) break;
      if (child + 1 < last && this.before(this.counts[child + 1], this.pairs[child + 1], child)) child++;
      if (this.before(count, pair, child)) break;
      this.pairs[hole] = this.pairs[child];
      this.counts[hole] = this.counts[child];
      hole = child;
    }
    this.pairs[hole] = pair;
    this.counts[hole] = count;
  }

  /** Does (count, pair) come out before what sits at heap index `other`? */
  private before(count: number, pair: number, other: number): boolean {
    const otherCount = this.counts[other];
    if (count !== otherCount) return count > otherCount;
    const { left, right } = this.table;
    const otherPair = this.pairs[other];
    if (left[pair] !== left[otherPair]) return left[pair] < left[otherPair];
    return right[pair] < right[otherPair];
  }
}
