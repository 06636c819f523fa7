/** A hash table from 64-bit keys to 32-bit values in typed arrays: 16 to 32 bytes an entry, where a `Map` takes over 100. */
import { ResourceError } from '../../core/errors.ts';

const EMPTY = -1;
/** Slots of the largest table: typed arrays of 8 GB. */
const MAX_SLOTS = 2 ** 30;

export class BucketTable {
  private keys: Uint32Array;
  private values: Int32Array;
  private numSlots: number;
  size = 0;

  constructor(numSlots = 1024) {
    this.numSlots = numSlots;
    this.keys = new Uint32Array(2 * numSlots);
    this.values = new Int32Array(numSlots).fill(EMPTY);
  }

  /** The value of a key; -1 where there is none. */
  get(low: number, high: number): number {
    return this.values[this.slotOf(low, high)];
  }

  /** `value` is 0 or more. Throws `ResourceError` where the table can grow no further. */
  set(low: number, high: number, value: number): void {
    let slot = this.slotOf(low, high);
    if (this.values[slot] === EMPTY) {
      if (this.size >= this.numSlots / 2) {
        this.grow();
        slot = this.slotOf(low, high);
      }
      this.size++;
      this.keys[2 * slot] = low;
      this.keys[2 * slot + 1] = high;
    }
    this.values[slot] = value;
  }

  private slotOf(low: number, high: number): number {
    // Keys are hashes already. Linear probing: the table is at most half full.
    let slot = (low ^ (high >>> 7)) & (this.numSlots - 1);
    while (this.values[slot] !== EMPTY && (this.keys[2 * slot] !== low || this.keys[2 * slot + 1] !== high)) {
      slot = (slot + 1) & (this.numSlots - 1);
    }
    return slot;
  }

  private grow(): void {
    const { keys, values, numSlots } = this;
    try {
      if (numSlots >= MAX_SLOTS) throw new RangeError('too many documents');
      this.keys = new Uint32Array(4 * numSlots);
      this.values = new Int32Array(2 * numSlots).fill(EMPTY);
    } catch (cause) {
      throw new ResourceError('Cannot keep the buckets of all documents in memory', {
        code: 'out-of-memory',
        hint: 'run the step in a plan, which sorts them on disk',
        cause,
      });
    }
    this.numSlots = 2 * numSlots;
    for (let slot = 0; slot < numSlots; slot++) {
      if (values[slot] === EMPTY) continue;
      const to = this.slotOf(keys[2 * slot], keys[2 * slot + 1]);
      this.keys[2 * to] = keys[2 * slot];
      this.keys[2 * to + 1] = keys[2 * slot + 1];
      this.values[to] = values[slot];
    }
  }
}
