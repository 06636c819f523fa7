/** The merges of a vocabulary: which pair of tokens becomes which token, and how early. */
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';

/** Later than every rank. */
export const NO_MERGE = 0x7fffffff;

const FREE = -1;

export interface Merge {
  readonly left: number;
  readonly right: number;
  readonly merged: number;
}

/** Pair of ids -> rank: open addressing in one Int32Array, three values a slot (left, right, rank). */
export class MergeTable {
  /** Ranks go from 0 to this. */
  readonly size: number;
  private readonly triples: Int32Array;
  private readonly slots: Int32Array;
  private readonly mask: number;

  /**
   * `triples`: left, right and merged id for each merge, in order of rank. The last of equal pairs counts, as in the
   * reference.
   */
  constructor(triples: Int32Array) {
    this.triples = triples;
    this.size = triples.length / 3;
    // A quarter to half full: most pairs that are looked up have no merge, and a miss should end at the first slot.
    let capacity = 16;
    while (capacity < this.size * 2) capacity *= 2;
    this.mask = capacity - 1;
    this.slots = new Int32Array(capacity * 3).fill(FREE);
    for (let rank = 0; rank < this.size; rank++) {
      const left = triples[rank * 3];
      const right = triples[rank * 3 + 1];
      let slot = hashPair(left, right) & this.mask;
      while (this.slots[slot * 3] !== FREE) {
        if (this.slots[slot * 3] === left && this.slots[slot * 3 + 1] === right) break;
        slot = (slot + 1) & this.mask;
      }
      this.slots[slot * 3] = left;
      this.slots[slot * 3 + 1] = right;
      this.slots[slot * 3 + 2] = rank;
    }
  }

  /** Rank of the merge of two ids, or `NO_MERGE`. */
  rankOf(left: number, right: number): number {
    const { slots, mask } = this;
    for (let slot = hashPair(left, right) & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot * 3];
      if (found === left && slots[slot * 3 + 1] === right) return slots[slot * 3 + 2];
      if (found === FREE) return NO_MERGE;
    }
  }

  mergedAt(rank: number): number {
    return this.triples[rank * 3 + 2];
  }

  at(rank: number): Merge {
    const { triples } = this;
    return { left: triples[rank * 3], right: triples[rank * 3 + 1], merged: triples[rank * 3 + 2] };
  }
}

function hashPair(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** Merges as files spell them: `"a b"`, or the pair. */
export type SpelledMerge = string | readonly [string, string];

/** The texts of tokens, and the ids of texts. */
export interface TokenTexts {
  readonly texts: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
}

/** Looks both halves and the result of every merge up. Throws `FormatError` naming the first that is not a token. */
export function readMerges(merges: readonly SpelledMerge[], { texts, ids }: TokenTexts): MergeTable {
  const triples = new Int32Array(merges.length * 3);
  const idOf = (text: string, rank: number): number => {
    const id = ids.get(text);
    if (id === undefined) throw badMerge(rank, merges[rank], `"${text}" is not in the vocabulary`);
    return id;
  };
  let merged = -1;
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
    triples[rank * 3] = idOf(left, rank);
    triples[rank * 3 + 1] = idOf(right, rank);
    // Vocabularies list what merges make in the order of the merges: usually no look-up is needed.
    if (!isJoined(texts[++merged], left, right)) merged = idOf(left + right, rank);
    triples[rank * 3 + 2] = merged;
  }
  return new MergeTable(triples);
}

function isJoined(text: string | undefined, left: string, right: string): boolean {
  return text?.length === left.length + right.length && text.startsWith(left) && text.endsWith(right);
}

function badMerge(rank: number, merge: SpelledMerge, why: string): FormatError {
  const spelled = typeof merge === 'string' ? merge : merge.join(' ');
  return new FormatError(`Cannot use merge ${formatCount(rank + 1)} of the tokenizer, "${spelled}": ${why}`, {
    code: 'bad-merge',
    hint: 'the tokenizer was cut or edited; take it from the model again',
    expected: 'two tokens of the vocabulary whose joint text is a token too',
    found: spelled,
  });
}
