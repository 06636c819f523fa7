/** Token ids under construction: an Int32Array that grows. */
export class IdBuffer {
  private ids: Int32Array;
  private count = 0;

  constructor(capacity: number) {
    this.ids = new Int32Array(Math.max(16, capacity));
  }

  push(id: number): void {
    if (this.count === this.ids.length) this.grow(1);
    this.ids[this.count++] = id;
  }

  /** Appends `length` ids of `source` from `offset` on. */
  append(source: Int32Array, offset: number, length: number): void {
    if (this.count + length > this.ids.length) this.grow(length);
    for (let i = 0; i < length; i++) this.ids[this.count + i] = source[offset + i];
    this.count += length;
  }

  /** A copy of exactly the ids so far. */
  toArray(): Int32Array {
    return this.ids.slice(0, this.count);
  }

  private grow(wanted: number): void {
    const grown = new Int32Array(Math.max(this.ids.length * 2, this.count + wanted));
    grown.set(this.ids);
    this.ids = grown;
  }
}
