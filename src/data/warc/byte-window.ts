/** A part of a stream of bytes that is held in memory while it is parsed, and moves forward. */
export class ByteWindow {
  /** Position in the stream of the first byte of `bytes`. */
  position = 0;
  bytes: Uint8Array = new Uint8Array(0);
  isAtEnd = false;
  /** Why the stream ended before its time: what came before is still of use. */
  failure: Error | undefined;
  private readonly source: AsyncIterator<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /** Hold at least so many bytes, or all there are. False where there are fewer. */
  async fill(numBytes: number): Promise<boolean> {
    if (this.bytes.length >= numBytes) return true;
    const chunks: Uint8Array[] = [this.bytes];
    let held = this.bytes.length;
    while (held < numBytes && !this.isAtEnd) {
      const value = await this.next();
      if (!value) this.isAtEnd = true;
      else {
        chunks.push(value);
        held += value.length;
      }
    }
    this.bytes = Buffer.concat(chunks);
    return held >= numBytes;
  }

  private async next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.source.next();
      return done ? undefined : value;
    } catch (error) {
      if (!/^(?:Z_|ZSTD_|ERR_STREAM_PREMATURE_CLOSE)/.test(String((error as NodeJS.ErrnoException).code)))
        throw error;
      this.failure = error as Error;
      return undefined;
    }
  }

  /** Move forward; bytes that are not held are read and dropped. */
  async skip(numBytes: number): Promise<void> {
    let left = numBytes;
    while (left > this.bytes.length) {
      left -= this.bytes.length;
      this.position += this.bytes.length;
      this.bytes = new Uint8Array(0);
      if (!(await this.fill(1))) return;
    }
    this.position += left;
    this.bytes = this.bytes.subarray(left);
  }

  async close(): Promise<void> {
    await this.source.return?.();
  }
}
