import type { MergeCorpus } from './bpe-train-corpus.ts';
import { PairHeap, type PairTable } from './bpe-train-pairs.ts';

export interface MergeOptions {
  /** Text of each symbol in the byte alphabet; new tokens are appended. */
  readonly tokens: string[];
  /** Stop when `tokens` has this length. */
  readonly maxTokens: number;
  /** Stop when no pair has this many occurrences. */
  readonly minFrequency: number;
  /** Never make a token of more bytes. */
  readonly maxTokenLength: number;
  /** Called between merges now and then; may throw to stop. */
  readonly pause: () => Promise<void> | undefined;
}

/**
 * Each watch of the pairs covers counts from the highest down to this part of it. Pairs below are not tracked at all:
 * nearly all of the millions of different pairs are rare, and a count can only fall (or its pair is new, and counted
 * when it is made). When the watched ones are used up, the shrunken corpus is counted again with a lower limit. The
 * ratio changes speed and memory, never the result: on 100 MB of text 8 takes 26 s of CPU and 430 MB, 256 takes 18 s
 * and 720 MB.
 */
const WATCH_RATIO = 128;

/**
 * Learn merges, most frequent pair first; of equally frequent pairs the one with the lowest (left, right) ids.
 * Returns the pairs in order.
 *
 * Every merge makes a new text. Where the same bytes became a token twice, no merge crossed their ends, so what happened
 * between the ends was decided by those bytes alone: both times the same merges, the same last pair.
 */
export async function learnMerges(corpus: MergeCorpus, options: MergeOptions): Promise<[number, number][]> {
  const { tokens, maxTokens, minFrequency } = options;
  const merges: [number, number][] = [];
  const neighbours = new NeighbourCounter(corpus);
  let minCount = Number.POSITIVE_INFINITY;
  while (tokens.length < maxTokens && minCount > minFrequency) {
    corpus.compact();
    // Whatever is left counts less than the last limit.
    const watched = corpus.countPairs((highest) =>
      Math.max(minFrequency, Math.min(minCount - 1, Math.floor(Math.min(highest, minCount) / WATCH_RATIO))),
    );
    const pairs = watched.pairs;
    minCount = watched.minCount;
    const heap = new PairHeap(pairs);
    for (let pair = 0; pair < pairs.size; pair++) heap.push(pair);
    while (tokens.length < maxTokens) {
      const best = heap.popBest(minCount);
      if (best < 0) break;
      const left = pairs.left[best];
      const right = pairs.right[best];
      const text = tokens[left] + tokens[right];
      if (text.length > options.maxTokenLength) continue;
      const id = tokens.push(text) - 1;
      merges.push([left, right]);
      pairs.counts[best] = 0;
      const slots = pairs.list(best);
      const numMerged = corpus.merge(left, right, id, slots, pairs);
      neighbours.watch(id, slots.subarray(0, numMerged), minCount, pairs, heap);
      const pause = options.pause();
      if (pause !== undefined) await pause;
    }
  }
  return merges;
}

/** Counts the pairs around one symbol in dense arrays, and hands the frequent ones to the table. */
class NeighbourCounter {
  private readonly corpus: MergeCorpus;
  private readonly left: SideCounter;
  private readonly right: SideCounter;

  constructor(corpus: MergeCorpus) {
    this.corpus = corpus;
    this.left = new SideCounter(corpus.boundary + 1);
    this.right = new SideCounter(corpus.boundary + 1);
  }

  /** Watch (x, symbol) and (symbol, y) wherever they occur `minCount` times; `slots` are all its places. */
  watch(symbol: number, slots: Int32Array, minCount: number, pairs: PairTable, heap: PairHeap): void {
    const { left, right } = this;
    const { symbols, weights, slotLengths, boundary } = this.corpus;
    const length = slotLengths[symbol];
    for (let n = 0; n < slots.length; n++) {
      const slot = slots[n];
      const weight = slot < weights.length ? weights[slot] : 1;
      const back = symbols[slot - 1];
      const previous = symbols[back < 0 ? slot + back : slot - 1];
      // (symbol, symbol) is one pair seen from two sides: the left one counts it.
      if (previous !== symbol) left.add(previous, weight);
      right.add(symbols[slot + length], weight);
    }
    left.counts[boundary] = 0;
    right.counts[boundary] = 0;
    const numEntries = left.reserve(0, minCount);
    const buffer = new Int32Array(right.reserve(numEntries, minCount));
    if (buffer.length > 0) {
      for (let n = 0; n < slots.length; n++) {
        const slot = slots[n];
        const back = symbols[slot - 1];
        const before = back < 0 ? slot + back : slot - 1;
        const previous = symbols[before];
        if (previous !== symbol && left.cursors[previous] >= 0) buffer[left.cursors[previous]++] = before;
        const next = symbols[slot + length];
        if (right.cursors[next] >= 0) buffer[right.cursors[next]++] = slot;
      }
      const bufferId = pairs.addBuffer(buffer);
      for (const side of [left, right]) {
        for (let t = 0; t < side.numSeen; t++) {
          const other = side.seen[t];
          if (side.cursors[other] < 0) continue;
          const pair = side === left ? pairs.findOrAdd(other, symbol) : pairs.findOrAdd(symbol, other);
          pairs.counts[pair] = side.counts[other];
          pairs.setList(pair, bufferId, side.cursors[other] - side.entries[other], side.cursors[other]);
          heap.push(pair);
        }
      }
    }
    left.clear();
    right.clear();
  }
}

/** Per neighbouring symbol: weighted count, number of places, and where its list is being written (-1: not watched). */
class SideCounter {
  readonly counts: Float64Array;
  readonly entries: Int32Array;
  readonly cursors: Int32Array;
  readonly seen: Int32Array;
  numSeen = 0;

  constructor(numSymbols: number) {
    this.counts = new Float64Array(numSymbols);
    this.entries = new Int32Array(numSymbols);
    this.cursors = new Int32Array(numSymbols).fill(-1);
    this.seen = new Int32Array(numSymbols);
  }

  add(symbol: number, weight: number): void {
    if (this.entries[symbol]++ === 0) this.seen[this.numSeen++] = symbol;
    this.counts[symbol] += weight;
  }

  /** Give every neighbour seen `minCount` times its part of a buffer, from `start` on. Returns the end. */
  reserve(start: number, minCount: number): number {
    let end = start;
    for (let t = 0; t < this.numSeen; t++) {
      const symbol = this.seen[t];
      if (this.counts[symbol] < minCount) continue;
      this.cursors[symbol] = end;
      end += this.entries[symbol];
    }
    return end;
  }

  clear(): void {
    for (let t = 0; t < this.numSeen; t++) {
      const symbol = this.seen[t];
      this.counts[symbol] = 0;
      this.entries[symbol] = 0;
      this.cursors[symbol] = -1;
    }
    this.numSeen = 0;
  }
}
