/**
 * How much of a text is repeated: runs of words (n-grams), lines, paragraphs (Rae et al. 2021, appendix A). Runs are
 * compared exactly: run i of n words is run i of n - 1 words and one more, so a table of pairs numbers them all.
 */
import { countCharacters } from './characters.ts';
import type { Words, WordTable } from './word-table.ts';

export interface GramRepetition {
  /** Characters in all occurrences of the most frequent run, spaces between its words included; 0 without runs. */
  readonly topCharacters: (n: number) => number;
  /** Characters in runs that occurred before, where no two of them overlap. */
  readonly duplicateCharacters: (n: number) => number;
}

/** 24 bytes each are kept between documents. */
const MAX_KEPT_SLOTS = 2 ** 20;

/** Tables that are used again for each document. */
export class GramCounter {
  private slots = new Int32Array(0);
  private stamps = new Int32Array(0);
  private stamp = 0;
  private mask = 0;
  private counts = new Int32Array(0);
  /** The first place of the run that starts at each place. */
  private grams = new Int32Array(0);
  /** The same of single words. */
  private firsts = new Int32Array(0);
  /** The run that each first run continues, of one word less. */
  private previous = new Int32Array(0);
  /** Characters of all words before each place. */
  private prefix = new Int32Array(0);

  /** Measures runs of 1 to n words in ascending order of n: ask for them in that order. */
  measure({ count, ids }: Words, table: WordTable): GramRepetition {
    this.reserve(count);
    const { prefix, grams } = this;
    prefix[0] = 0;
    for (let i = 0; i < count; i++) prefix[i + 1] = prefix[i] + table.lengthOf(ids[i]);
    this.numberWords(count, ids);
    let n = 1;
    let isDistinct = false;
    const goTo = (wanted: number): number => {
      // Where all runs differ, longer ones do as well.
      while (n < wanted && !isDistinct) isDistinct = !this.lengthen(++n, count);
      return Math.max(0, count - wanted + 1);
    };
    return {
      topCharacters: (wanted) => {
        const numGrams = goTo(wanted);
        if (numGrams === 0) return 0;
        let top = 0;
        let topCount = 1;
        if (!isDistinct) {
          const { counts } = this;
          counts.fill(0, 0, numGrams);
          for (let i = 0; i < numGrams; i++) counts[grams[i]]++;
          for (let i = 0; i < numGrams; i++) {
            if (counts[i] <= topCount) continue;
            top = i;
            topCount = counts[i];
          }
        }
        return topCount * (prefix[top + wanted] - prefix[top] + wanted - 1);
      },
      duplicateCharacters: (wanted) => {
        const numGrams = goTo(wanted);
        if (isDistinct) return 0;
        const { counts } = this;
        counts.fill(0, 0, numGrams);
        let numCharacters = 0;
        for (let i = 0; i < numGrams; ) {
          if (counts[grams[i]] === 0) {
            counts[grams[i]] = 1;
            i++;
            continue;
          }
          numCharacters += prefix[i + wanted] - prefix[i];
          i += wanted;
        }
        return numCharacters;
      },
    };
  }

  /** grams[i] = the first place of word i. */
  private numberWords(count: number, ids: Int32Array): void {
    const { grams, firsts, slots, stamps } = this;
    const { mask } = this;
    const stamp = ++this.stamp;
    for (let i = 0; i < count; i++) {
      const id = ids[i];
      let slot = (Math.imul(id, 0x9e3779b1) >>> 7) & mask;
      while (stamps[slot] === stamp && ids[slots[slot]] !== id) slot = (slot + 1) & mask;
      if (stamps[slot] !== stamp) {
        stamps[slot] = stamp;
        slots[slot] = i;
      }
      grams[i] = slots[slot];
      firsts[i] = grams[i];
    }
  }

  /** From runs of n - 1 words to runs of n; false where no two are equal. */
  private lengthen(n: number, count: number): boolean {
    const { grams, firsts, previous, slots, stamps } = this;
    const { mask } = this;
    const stamp = ++this.stamp;
    const numGrams = count - n + 1;
    let hasEqual = false;
    for (let i = 0; i < numGrams; i++) {
      const head = grams[i];
      const last = firsts[i + n - 1];
      let slot = ((Math.imul(head, 0x9e3779b1) ^ Math.imul(last, 0x85ebca6b)) >>> 5) & mask;
      while (stamps[slot] === stamp) {
        const first = slots[slot];
        if (previous[first] === head && firsts[first + n - 1] === last) break;
        slot = (slot + 1) & mask;
      }
      if (stamps[slot] !== stamp) {
        stamps[slot] = stamp;
        slots[slot] = i;
        previous[i] = head;
      } else hasEqual = true;
      grams[i] = slots[slot];
    }
    return hasEqual;
  }

  private reserve(count: number): void {
    let numSlots = 256;
    while (numSlots < 2 * count) numSlots *= 2;
    this.mask = numSlots - 1;
    // Tables of a long document are given up after it.
    const isTooLarge = this.slots.length > MAX_KEPT_SLOTS && numSlots <= MAX_KEPT_SLOTS;
    if (this.slots.length < numSlots || isTooLarge || this.stamp > 2 ** 30) {
      this.slots = new Int32Array(numSlots);
      this.stamps = new Int32Array(numSlots);
      this.stamp = 0;
      for (const name of ['grams', 'firsts', 'previous', 'counts'] as const)
        this[name] = new Int32Array(numSlots);
      this.prefix = new Int32Array(numSlots);
    }
  }
}

export interface Duplicates {
  readonly count: number;
  /** Characters in the parts that occurred before. */
  readonly characters: number;
}

/** Parts that are equal to an earlier one. */
export function duplicatesAmong(parts: readonly string[]): Duplicates {
  const seen = new Set<string>();
  let count = 0;
  let characters = 0;
  for (const part of parts) {
    const before = seen.size;
    seen.add(part);
    if (seen.size > before) continue;
    count++;
    characters += countCharacters(part);
  }
  return { count, characters };
}
