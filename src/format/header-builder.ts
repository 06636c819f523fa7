/** Little-endian bytes that grow: what `HeaderCursor` reads, this writes. */
export class HeaderBuilder {
  private bytes = new Uint8Array(64 * 1024);
  private view = new DataView(this.bytes.buffer);
  private readonly encoder = new TextEncoder();
  private used = 0;

  u32(value: number): void {
    this.view.setUint32(this.reserve(4), value, true);
  }

  u64(value: number): void {
    const at = this.reserve(8);
    this.view.setUint32(at, value % 2 ** 32, true);
    this.view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
  }

  /** u64 length in bytes, then UTF-8. */
  string(text: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    const at = this.reserve(8 + 3 * text.length);
    const { written } = this.encoder.encodeInto(text, this.bytes.subarray(at + 8));
    this.used = at;
    this.u64(written);
    this.used += written;
  }

  /** The bytes of a typed array as they lie in memory. */
  raw(array: ArrayBufferView): void {
    const at = this.reserve(array.byteLength);
    this.bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
  }

  /** Zeros up to a multiple of `alignment`. */
  pad(alignment: number): void {
    const end = Math.ceil(this.used / alignment) * alignment;
    // `string` may have left bytes of its reserve unused.
    const start = this.reserve(end - this.used);
    this.bytes.fill(0, start, end);
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.used);
  }

  private reserve(length: number): number {
    const at = this.used;
    this.used += length;
    if (this.used > this.bytes.length) {
      const bytes = new Uint8Array(Math.max(this.used, this.bytes.length * 2));
      bytes.set(this.bytes.subarray(0, at));
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer);
    }
    return at;
  }
}
