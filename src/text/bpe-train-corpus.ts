import { hashPair, PairTable } from './bpe-train-pairs.ts';
import type { PieceCounter } from './bpe-train-pieces.ts';

/** Most buckets of the pair count estimate; 8 MB, so that it mostly stays in cache. */
const MAX_BUCKETS = 1 << 20;

/**
 * The words of a corpus as one row of symbols that merges shrink in place.
 *
 * `boundary · word · boundary · word · boundary`: a token that was merged out of n slots keeps its n slots. The first
 * holds its symbol, the last holds -n (so that the token on the right can find its start), those between anything
 * negative. Nothing moves during a merge, so lists of slots stay valid until `compact`.
 */
export class MergeCorpus {
  /** Separates words; larger than every symbol, so that it can index the same dense arrays. */
  readonly boundary: number;
  symbols: Int32Array;
  numSlots = 1;
  /** Slots that each symbol covers. */
  readonly slotLengths: Int32Array;
  /** How often the corpus holds the word of slot i; words seen once come after these and weigh 1 without an entry here. */
  weights: Float64Array;
  /** Tokens and bytes of the whole corpus, repeats counted. */
  numTokens = 0;
  numBytes = 0;

  /** Words of one symbol are counted but not stored: they hold no pair. */
  constructor(pieces: PieceCounter, symbolOfByte: ArrayLike<number>, maxSymbols: number) {
    this.boundary = maxSymbols;
    this.slotLengths = new Int32Array(maxSymbols + 1).fill(1);
    let numSlots = 1;
    let numWeighted = 1;
    pieces.forEach((units, start, end, count) => {
      const length = utf8Length(units, start, end);
      this.numBytes += length * count;
      if (length < 2) return;
      numSlots += length + 1;
      if (count > 1) numWeighted += length + 1;
    });
    this.numTokens = this.numBytes;
    this.symbols = new Int32Array(numSlots);
    this.weights = new Float64Array(numWeighted);
    this.symbols[0] = maxSymbols;
    // Two passes put the repeated words first; most words of Chinese text are clauses seen once.
    for (const repeated of [true, false]) {
      pieces.forEach((units, start, end, count) => {
        if (count > 1 === repeated) this.appendWord(units, start, end, count, symbolOfByte);
      });
    }
  }

  private appendWord(
    units: Uint16Array,
    start: number,
    end: number,
    count: number,
    symbolOfByte: ArrayLike<number>,
  ): void {
    const first = this.numSlots;
    if (utf8Length(units, start, end) < 2) return;
    const { symbols } = this;
    let slot = first;
    for (let i = start; i < end; i++) {
      let code = units[i];
      if (code < 0x80) {
        symbols[slot++] = symbolOfByte[code];
        continue;
      }
      if (code < 0x800) {
        symbols[slot++] = symbolOfByte[0xc0 | (code >> 6)];
      } else {
        if (isSurrogatePair(units, i, end)) {
          code = 0x10000 + ((code - 0xd800) << 10) + (units[++i] - 0xdc00);
          symbols[slot++] = symbolOfByte[0xf0 | (code >> 18)];
          symbols[slot++] = symbolOfByte[0x80 | ((code >> 12) & 63)];
        } else {
          // A lone surrogate has no UTF-8 form; the tokenizer reads it as U+FFFD, and so do we.
          if ((code & 0xf800) === 0xd800) code = 0xfffd;
          symbols[slot++] = symbolOfByte[0xe0 | (code >> 12)];
        }
        symbols[slot++] = symbolOfByte[0x80 | ((code >> 6) & 63)];
      }
      symbols[slot++] = symbolOfByte[0x80 | (code & 63)];
    }
    symbols[slot++] = this.boundary;
    if (count > 1) this.weights.fill(count, first, slot);
    this.numSlots = slot;
  }

  /** Rewrite the row with one slot a token, and drop words that have become one token. */
  compact(): void {
    const { symbols, weights, slotLengths, boundary, numSlots } = this;
    let out = 1;
    let numWeighted = weights.length;
    for (let i = 1; i < numSlots; i++) {
      const wordStart = out;
      if (i >= weights.length && numWeighted === weights.length) numWeighted = out;
      while (symbols[i] !== boundary) {
        const symbol = symbols[i];
        if (i < weights.length) weights[out] = weights[i];
        symbols[out++] = symbol;
        i += slotLengths[symbol];
      }
      if (out === wordStart + 1) out = wordStart;
      else symbols[out++] = boundary;
    }
    this.numSlots = out;
    this.weights = weights.subarray(0, Math.min(numWeighted, out));
    slotLengths.fill(1);
  }

  /**
   * Every pair that occurs at least `minCount` times, with its exact count and its slots. The row must be compact.
   * `minCount` may be given as a function of an upper bound of the highest count.
   */
  countPairs(chooseMinCount: (highest: number) => number): { pairs: PairTable; minCount: number } {
    const { symbols, numSlots, boundary, weights } = this;
    const numWeighted = weights.length;
    // Hashed buckets bound every pair's count from above. Most of the millions of different pairs fail already
    // there, so the exact table stays small enough to be fast.
    const numBuckets = Math.min(MAX_BUCKETS, 2 ** Math.ceil(Math.log2(numSlots + 1)));
    const estimates = new Float64Array(numBuckets);
    for (let i = 1; i < numSlots - 1; i++) {
      const left = symbols[i];
      const right = symbols[i + 1];
      if (left === boundary || right === boundary) continue;
      estimates[hashPair(left, right) & (numBuckets - 1)] += i < numWeighted ? weights[i] : 1;
    }
    const minCount = chooseMinCount(estimates.reduce((a, b) => Math.max(a, b)));

    const candidates = new PairTable();
    let entries = new Int32Array(1 << 10);
    for (let i = 1; i < numSlots - 1; i++) {
      const left = symbols[i];
      const right = symbols[i + 1];
      if (left === boundary || right === boundary) continue;
      if (estimates[hashPair(left, right) & (numBuckets - 1)] < minCount) continue;
      const pair = candidates.findOrAdd(left, right);
      if (pair >= entries.length) {
        const more = new Int32Array(entries.length * 2);
        more.set(entries);
        entries = more;
      }
      candidates.counts[pair] += i < numWeighted ? weights[i] : 1;
      entries[pair]++;
    }

    const pairs = new PairTable();
    const cursors: number[] = [];
    let numEntries = 0;
    for (let c = 0; c < candidates.size; c++) {
      if (candidates.counts[c] < minCount) continue;
      const pair = pairs.findOrAdd(candidates.left[c], candidates.right[c]);
      pairs.counts[pair] = candidates.counts[c];
      cursors.push(numEntries);
      numEntries += entries[c];
    }
    const buffer = new Int32Array(numEntries);
    const bufferId = pairs.addBuffer(buffer);
    for (let pair = 0; pair < pairs.size; pair++) {
      pairs.setList(pair, bufferId, cursors[pair], pair + 1 < pairs.size ? cursors[pair + 1] : numEntries);
    }
    for (let i = 1; i < numSlots - 1; i++) {
      const left = symbols[i];
      const right = symbols[i + 1];
      if (left === boundary || right === boundary) continue;
      if (estimates[hashPair(left, right) & (numBuckets - 1)] < minCount) continue;
      const pair = pairs.find(left, right);
      if (pair >= 0) buffer[cursors[pair]++] = i;
    }
    return { pairs, minCount };
  }

  /**
   * Turn every (left, right) at the listed slots into `merged`, leftmost first, and lower the counts of the pairs that
   * this breaks up. Returns how many were merged; their slots overwrite the head of `slots`.
   */
  merge(left: number, right: number, merged: number, slots: Int32Array, pairs: PairTable): number {
    const { symbols, weights, slotLengths, boundary } = this;
    const numWeighted = weights.length;
    const leftLength = slotLengths[left];
    const length = leftLength + slotLengths[right];
    slotLengths[merged] = length;
    let numMerged = 0;
    let previousMerged = -1;
    let removed = 0;
    for (let n = 0; n < slots.length; n++) {
      const slot = slots[n];
      const middle = slot + leftLength;
      if (symbols[slot] !== left || symbols[middle] !== right) continue;
      const weight = slot < numWeighted ? weights[slot] : 1;
      const after = slot + length;
      const next = symbols[after];
      const before = symbols[slot - 1] < 0 ? slot + symbols[slot - 1] : slot - 1;
      const previous = symbols[before];
      // Next to an occurrence merged a moment ago, the broken pair was (right, left) and is subtracted already.
      if (previous !== boundary && before !== previousMerged) pairs.subtract(previous, left, weight);
      if (next !== boundary) pairs.subtract(right, next, weight);
      symbols[middle] = -1;
      symbols[after - 1] = -length;
      symbols[slot] = merged;
      removed += weight;
      previousMerged = slot;
      slots[numMerged++] = slot;
    }
    this.numTokens -= removed;
    return numMerged;
  }
}

function isSurrogatePair(units: Uint16Array, i: number, end: number): boolean {
  return (units[i] & 0xfc00) === 0xd800 && i + 1 < end && (units[i + 1] & 0xfc00) === 0xdc00;
}

/** Bytes of `units[start..end)` in UTF-8, a lone surrogate taking the three of U+FFFD. */
function utf8Length(units: Uint16Array, start: number, end: number): number {
  let length = 0;
  for (let i = start; i < end; i++) {
    const code = units[i];
    if (code < 0x80) length += 1;
    else if (code < 0x800) length += 2;
    else if (isSurrogatePair(units, i, end)) {
      length += 4;
      i++;
    } else length += 3;
  }
  return length;
}
