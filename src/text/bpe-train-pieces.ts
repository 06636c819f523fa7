/**
 * A counting set of pre-tokenised pieces. Keys live as UTF-16 code units in one arena and the table is open-addressed
 * typed arrays: Chinese text has millions of different pieces (whole clauses), and a `Map` of strings would cost ten
 * times the memory and keep every source document alive through sliced strings.
 */
export class PieceCounter {
  /** Number of different pieces. */
  size = 0;
  /** Pieces added, repeats included. */
  total = 0;
  private units = new Uint16Array(1 << 16);
  private numUnits = 0;
  /** Piece `p` is `units[starts[p]..starts[p + 1])`. Float64 so that arenas beyond 4G units still count right. */
  private starts = new Float64Array(1 << 12);
  private counts = new Float64Array(1 << 12);
  private hashes = new Int32Array(1 << 12);
  /** Piece number + 1, or 0 for a free slot; the length is a power of two. */
  private slots = new Int32Array(1 << 13);

  /** Count `text[start..end)` once. */
  add(text: string, start: number, end: number): void {
    this.total++;
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    // FNV leaves the low bits of short keys poorly mixed, and the low bits choose the slot.
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash ^= hash >>> 13;
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.slots[slot]; entry !== 0; entry = this.slots[slot]) {
      if (this.hashes[entry - 1] === hash && this.equals(entry - 1, text, start, end)) {
        this.counts[entry - 1]++;
        return;
      }
      slot = (slot + 1) & mask;
    }
    this.insert(slot, hash, text, start, end);
  }

  /** Visit every piece in order of first appearance. `units[start..end)` is valid during the call only. */
  forEach(visit: (units: Uint16Array, start: number, end: number, count: number) => void): void {
    for (let p = 0; p < this.size; p++) visit(this.units, this.starts[p], this.starts[p + 1], this.counts[p]);
  }

  private equals(piece: number, text: string, start: number, end: number): boolean {
    const from = this.starts[piece];
    if (this.starts[piece + 1] - from !== end - start) return false;
    for (let i = 0; i < end - start; i++) {
      if (this.units[from + i] !== text.charCodeAt(start + i)) return false;
    }
    return true;
  }

  private insert(slot: number, hash: number, text: string, start: number, end: number): void {
    const piece = this.size++;
    if (piece + 2 > this.starts.length) {
      this.starts = grown(this.starts, new Float64Array(this.starts.length * 2));
      this.counts = grown(this.counts, new Float64Array(this.counts.length * 2));
      this.hashes = grown(this.hashes, new Int32Array(this.hashes.length * 2));
    }
    const needed = this.numUnits + end - start;
    if (needed > this.units.length) {
      this.units = grown(this.units, new Uint16Array(Math.max(this.units.length * 2, needed)));
    }
    for (let i = start; i < end; i++) this.units[this.numUnits++] = text.charCodeAt(i);
    this.starts[piece + 1] = this.numUnits;
    this.counts[piece] = 1;
    this.hashes[piece] = hash;
    this.slots[slot] = piece + 1;
    if (this.size * 2 > this.slots.length) this.rehash();
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let p = 0; p < this.size; p++) {
      let slot = this.hashes[p] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = p + 1;
    }
    this.slots = slots;
  }
}

function grown<T extends Uint16Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
