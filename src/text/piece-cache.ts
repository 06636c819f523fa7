/**
 * The ids of pieces seen before. Words repeat: in English prose 19 of 20 pieces are found here. The key is the piece in
 * place, a range of the text, so a hit allocates nothing.
 */
import type { IdBuffer } from './id-buffer.ts';

/** Longer pieces repeat too rarely to be worth their room. */
export const LONGEST_CACHED = 24;

const MAX_ENTRIES = 1 << 16;
const NUM_SLOTS = MAX_ENTRIES * 2;
const MAX_UNITS = MAX_ENTRIES * 8;
const MAX_IDS = MAX_ENTRIES * 4;

// Fields of an entry.
const HASH = 0;
const UNITS = 1;
const LENGTH = 2;
const IDS = 3;
const NUM_IDS = 4;
const ENTRY = 5;

export class PieceCache {
  /** Entry number plus one; 0 is free. */
  private readonly slots = new Int32Array(NUM_SLOTS);
  private readonly entries = new Int32Array(MAX_ENTRIES * ENTRY);
  private readonly units = new Uint16Array(MAX_UNITS);
  private readonly ids = new Int32Array(MAX_IDS);
  private numEntries = 0;
  private numUnits = 0;
  private numIds = 0;

  /** Appends the ids of `text[start, end)` to `out`; false if the piece is new. `hash` is that of `hashPiece`. */
  copyTo(out: IdBuffer, text: string, start: number, end: number, hash: number): boolean {
    const { slots, entries, units } = this;
    const length = end - start;
    for (let slot = hash & (NUM_SLOTS - 1); slots[slot] !== 0; slot = (slot + 1) & (NUM_SLOTS - 1)) {
      const entry = (slots[slot] - 1) * ENTRY;
      if (entries[entry + HASH] !== hash || entries[entry + LENGTH] !== length) continue;
      const key = entries[entry + UNITS];
      let same = 0;
      while (same < length && units[key + same] === text.charCodeAt(start + same)) same++;
      if (same < length) continue;
      out.append(this.ids, entries[entry + IDS], entries[entry + NUM_IDS]);
      return true;
    }
    return false;
  }

  /** Caches the first `numIds` of `ids` for `text[start, end)`, which `copyTo` did not find. */
  add(text: string, start: number, end: number, hash: number, ids: Int32Array, numIds: number): void {
    const length = end - start;
    // When any store is full everything goes: the frequent words are back within a page of text.
    if (
      this.numEntries === MAX_ENTRIES ||
      this.numUnits + length > MAX_UNITS ||
      this.numIds + numIds > MAX_IDS
    ) {
      this.slots.fill(0);
      this.numEntries = 0;
      this.numUnits = 0;
      this.numIds = 0;
    }
    const entry = this.numEntries * ENTRY;
    this.entries[entry + HASH] = hash;
    this.entries[entry + UNITS] = this.numUnits;
    this.entries[entry + LENGTH] = length;
    this.entries[entry + IDS] = this.numIds;
    this.entries[entry + NUM_IDS] = numIds;
    for (let i = 0; i < length; i++) this.units[this.numUnits++] = text.charCodeAt(start + i);
    for (let i = 0; i < numIds; i++) this.ids[this.numIds++] = ids[i];
    let slot = hash & (NUM_SLOTS - 1);
    while (this.slots[slot] !== 0) slot = (slot + 1) & (NUM_SLOTS - 1);
    this.slots[slot] = ++this.numEntries;
  }
}

/** FNV-1a over UTF-16 units, with the high bits folded down for the slot number. */
export function hashPiece(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
}
