/**
 * Which documents go as near-duplicates. Documents come in ascending order of their numbers; one that goes names the kept or smaller
 * document because of which it goes.
 *
 * `bucket-min` is the report's rule read literally: a document goes if any of its buckets holds a smaller one, kept or
 * not. Afterwards no bucket holds two documents that stayed, and chains of pairs that are ever less alike are cut down
 * to their first document. `verified` compares: bands only nominate, and a document goes only if its shingles and those
 * of a kept document have a Jaccard similarity of at least `minJaccard`.
 */
import { BucketTable } from './bucket-table.ts';
import { jaccard } from './minhash.ts';

/** Similarity from which on two documents are near-duplicates (report, appendix C). */
export const MIN_JACCARD = 0.8;

export interface NearDuplicate<Doc> {
  /** Why the document goes: a smaller one in one of its buckets, or a kept one that it resembles. */
  readonly twin: Doc;
  /** Bands shared with a smaller document (`bucket-min`), or the Jaccard similarity to the twin (`verified`). */
  readonly value: number;
}

/** Keys as `bandKeys` gives them: pairs of words. */
export class BucketMinFilter<Doc> {
  private readonly table = new BucketTable();
  private readonly docs: Doc[] = [];

  /** Undefined for a document that stays. */
  add(doc: Doc, keys: Uint32Array): NearDuplicate<Doc> | undefined {
    const index = this.docs.push(doc) - 1;
    let smallest = index;
    let numShared = 0;
    for (let i = 0; i < keys.length; i += 2) {
      const found = this.table.get(keys[i], keys[i + 1]);
      if (found < 0) {
        this.table.set(keys[i], keys[i + 1], index);
        continue;
      }
      numShared++;
      if (found < smallest) smallest = found;
    }
    return numShared === 0 ? undefined : { twin: this.docs[smallest], value: numShared };
  }
}

/** Holds the shingles of all kept documents: for the documents that share buckets, not for a whole corpus. */
export class VerifiedFilter<Doc> {
  private readonly table = new BucketTable();
  private readonly kept: { readonly doc: Doc; readonly shingles: Uint8Array }[] = [];
  /** Kept documents of each bucket as lists: entry p is document `postings[p]`, then entry `next[p]`. */
  private readonly postings: number[] = [];
  private readonly next: number[] = [];
  private readonly minJaccard: number;

  constructor(minJaccard: number = MIN_JACCARD) {
    this.minJaccard = minJaccard;
  }

  /** `shingles` as `Minhasher.shingleSet` gives them. Undefined for a document that stays. */
  add(doc: Doc, keys: Uint32Array, shingles: Uint8Array): NearDuplicate<Doc> | undefined {
    for (const candidate of this.nominated(keys)) {
      const { doc: twin, shingles: others } = this.kept[candidate];
      // Sets whose sizes differ by more cannot be that similar.
      const [small, large] = [shingles.length, others.length].sort((a, b) => a - b);
      if (small < this.minJaccard * large) continue;
      const value = jaccard(shingles, others);
      if (value >= this.minJaccard) return { twin, value };
    }
    this.keep(doc, keys, shingles);
    return undefined;
  }

  /** Adds a document of an earlier batch, which stays. */
  keep(doc: Doc, keys: Uint32Array, shingles: Uint8Array): void {
    const index = this.kept.push({ doc, shingles }) - 1;
    for (let i = 0; i < keys.length; i += 2) {
      const head = this.table.get(keys[i], keys[i + 1]);
      const posting = this.postings.push(index) - 1;
      this.next.push(head);
      this.table.set(keys[i], keys[i + 1], posting);
    }
  }

  /** Kept documents that share a bucket: most shared bands first, then the smaller one. */
  private nominated(keys: Uint32Array): number[] {
    const numShared = new Map<number, number>();
    for (let i = 0; i < keys.length; i += 2) {
      for (let posting = this.table.get(keys[i], keys[i + 1]); posting >= 0; posting = this.next[posting]) {
        const candidate = this.postings[posting];
        numShared.set(candidate, (numShared.get(candidate) ?? 0) + 1);
      }
    }
    return [...numShared].sort(([a, x], [b, y]) => y - x || a - b).map(([candidate]) => candidate);
  }
}
