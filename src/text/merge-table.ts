/** The merges of a vocabulary: which pair of tokens becomes which token, and how early. */
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';

/** Later than every rank. */
export const NO_MERGE = 0x7fffffff;

const FREE = -1;

/**
 * Pair of ids -> rank and merged id: open addressing in one Int32Array, four values a slot (left, right, rank, merged), so
 * that a look-up touches one cache line.
 */
export class MergeTable {
  readonly size: number;
  private readonly slots: Int32Array;
  private readonly mask: number;

  /** `triples`: left, right and merged id for each merge, in order of rank. The last of equal pairs counts, as in the
   * reference. */
  constructor(triples: Int32Array) {
    this.size = triples.length / 3;
    // A quarter to half full: most pairs that are asked for have no merge, and a miss should end at the first slot.
    let capacity = 16;
    while (capacity < this.size * 2) capacity *= 2;
    this.mask = capacity - 1;
    this.slots = new Int32Array(capacity * 4).fill(FREE);
    for (let rank = 0; rank < this.size; rank++) {
      const left = triples[rank * 3];
      const right = triples[rank * 3 + 1];
      let slot = this.find(left, right);
      if (slot < 0) {
        slot = hashPair(left, right) & this.mask;
        while (this.slots[slot * 4] !== FREE) slot = (slot + 1) & this.mask;
      }
      this.slots[slot * 4] = left;
      this.slots[slot * 4 + 1] = right;
      this.slots[slot * 4 + 2] = rank;
      this.slots[slot * 4 + 3] = triples[rank * 3 + 2];
    }
  }

  /** A handle on the merge of two ids, or -1 if they have none. */
  find(left: number, right: number): number {
    const { slots, mask } = this;
    for (let slot = hashPair(left, right) & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot * 4];
      if (found === left && slots[slot * 4 + 1] === right) return slot;
      if (found === FREE) return -1;
    }
  }

  /** Rank of the merge of two ids, or `NO_MERGE`. */
  rankOf(left: number, right: number): number {
    const slot = this.find(left, right);
    return slot < 0 ? NO_MERGE : this.slots[slot * 4 + 2];
  }

  /** What two ids that have a merge become. */
  mergedOf(left: number, right: number): number {
    return this.slots[this.find(left, right) * 4 + 3];
  }
}

function hashPair(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** Merges as files spell them: `"a b"`, or the pair. */
export type SpelledMerge = string | readonly [string, string];

/** Looks both halves and the result of every merge up. Throws `FormatError` naming the first that is not in `ids`. */
export function readMerges(merges: readonly SpelledMerge[], ids: ReadonlyMap<string, number>): MergeTable {
  const triples = new Int32Array(merges.length * 3);
  for (let rank = 0; rank < merges.length; rank++) {
    const merge = merges[rank];
    let left: string;
    let right: string;
    if (typeof merge === 'string') {
      // Spelled tokens hold no real space, so the first one is the separator.
      const space = merge.indexOf(' ');
      if (space < 0) throw badMerge(rank, merge, 'it has no space between its halves');
      left = merge.slice(0, space);
      right = merge.slice(space + 1);
    } else [left, right] = merge;
    for (const [index, text] of [left, right, left + right].entries()) {
      const id = ids.get(text);
      if (id === undefined) throw badMerge(rank, `${left} ${right}`, `"${text}" is not in the vocabulary`);
      triples[rank * 3 + index] = id;
    }
  }
  return new MergeTable(triples);
}

function badMerge(rank: number, merge: string, why: string): FormatError {
  return new FormatError(`Cannot use merge ${formatCount(rank + 1)} of the tokenizer, "${merge}": ${why}`, {
    code: 'bad-merge',
    hint: 'the tokenizer was cut or edited; take it from the model again',
    expected: 'two tokens of the vocabulary whose joint text is a token too',
    found: merge,
  });
}
