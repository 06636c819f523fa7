/**
 * Reads a file header front to back through a growing window, so that the header of an 80 GB file costs a few reads
 * and never the file. Every length is compared with what is left of the file before anything is allocated for it.
 */
import { FormatError, InternalError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { ByteSource } from './byte-source.ts';

const FIRST_WINDOW = 128 * 1024;
const LARGEST_WINDOW = 8 * 1024 * 1024;
// Real headers end below 20 MB (a 150k vocabulary with its merges is 6 MB). The limit keeps a hostile file of any size
// from filling the memory, and every string below the longest that JavaScript can hold.
const MAX_HEADER_BYTES = 256 * 1024 * 1024;

export interface Failure {
  readonly code: string;
  readonly expected: string;
  readonly found: string;
  /** Where the offending bytes start; the cursor's position if absent. */
  readonly offset?: number;
  readonly hint?: string;
  readonly cause?: unknown;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class HeaderCursor {
  readonly source: ByteSource;
  private readonly limit: number;
  private bytes = new Uint8Array(0);
  private view = new DataView(this.bytes.buffer);
  /** Byte position in the file of `bytes[0]`. */
  private base = 0;
  private next = 0;
  private window = FIRST_WINDOW;

  constructor(source: ByteSource) {
    this.source = source;
    this.limit = Math.min(source.size, MAX_HEADER_BYTES);
  }

  /** Byte position in the file of the next value. */
  get offset(): number {
    return this.base + this.next;
  }

  /** What the header may still hold. */
  get remaining(): number {
    return this.limit - this.offset;
  }

  /** An error that names the file, the position, what was expected and what was found. */
  failure(
    subject: string,
    { code, expected, found, offset = this.offset, hint, cause }: Failure,
  ): FormatError {
    return new FormatError(
      `Cannot read ${subject} of ${this.source.name} at byte ${formatCount(offset)}: expected ${expected}, found ${found}`,
      {
        code,
        hint: hint ?? 'the file is damaged or incomplete; fetch it again',
        offset,
        expected,
        found,
        cause,
      },
    );
  }

  /** Throws unless the header can hold `length` more bytes. `what` reads like "an array of 12 strings". */
  require(length: number, subject: string, what: string): void {
    if (length <= this.remaining) return;
    const cutByLimit = this.offset + length <= this.source.size;
    throw this.failure(subject, {
      code: cutByLimit ? 'header-too-large' : 'truncated-file',
      expected: `${what}, ${formatCount(length)} bytes or more`,
      found: cutByLimit
        ? `${formatCount(this.remaining)} bytes before the limit for headers`
        : `${formatCount(this.remaining)} bytes before the end of the file`,
    });
  }

  /** Brings the next `length` bytes into the window; the plain readers below may then take them. */
  async need(length: number, subject: string, what: string): Promise<void> {
    if (this.next + length <= this.bytes.length) return;
    this.require(length, subject, what);
    const rest = this.bytes.subarray(this.next);
    const size = Math.min(Math.max(length, this.window), this.remaining);
    const more = await this.source.read(this.offset + rest.length, size - rest.length);
    const bytes = new Uint8Array(size);
    bytes.set(rest);
    bytes.set(more, rest.length);
    this.base += this.next;
    this.next = 0;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
    this.window = Math.min(this.window * 2, LARGEST_WINDOW);
  }

  /** The view and position of the next `length` bytes, which `need` has brought in, and steps over them. */
  take(length: number): { view: DataView; at: number } {
    const at = this.next;
    this.next += length;
    return { view: this.view, at };
  }

  u32(): number {
    const { view, at } = this.take(4);
    return view.getUint32(at, true);
  }

  /** An unsigned 64-bit count, length or offset. Refuses what a number can't hold exactly. */
  u64(subject: string): number {
    const { view, at } = this.take(8);
    const high = view.getUint32(at + 4, true);
    if (high >= 2 ** 21) {
      throw this.failure(subject, {
        code: 'number-too-large',
        expected: 'a count, length or offset below 2^53',
        found: view.getBigUint64(at, true).toLocaleString('en-US'),
        offset: this.base + at,
      });
    }
    return high * 2 ** 32 + view.getUint32(at, true);
  }

  /** A copy of the next `length` bytes. */
  async copy(length: number, subject: string, what: string): Promise<Uint8Array<ArrayBuffer>> {
    await this.need(length, subject, what);
    const { at } = this.take(length);
    return this.bytes.slice(at, at + length);
  }

  /** A string: u64 length in bytes, then UTF-8. */
  async string(subject: string, maxBytes = Number.POSITIVE_INFINITY): Promise<string> {
    await this.need(8, subject, 'the length of a string');
    const offset = this.offset;
    const length = this.u64(subject);
    if (length > maxBytes) {
      throw this.failure(subject, {
        code: 'string-too-long',
        expected: `a string of at most ${formatCount(maxBytes)} bytes`,
        found: `${formatCount(length)} bytes`,
        offset,
      });
    }
    await this.need(length, subject, 'a string');
    const { at } = this.take(length);
    return this.decode(at, length, subject);
  }

  /** `count` strings. A vocabulary has 150,000, so those inside the window are decoded in one go. */
  async strings(count: number, subject: string): Promise<string[]> {
    const strings: string[] = [];
    while (strings.length < count) {
      if (this.decodeWindow(strings, count, subject)) continue;
      await this.need(8, subject, 'the length of a string');
      const length = this.u64(subject);
      this.next -= 8;
      await this.need(8 + length, subject, 'a string');
    }
    return strings;
  }

  /**
   * Appends the whole strings at the front of the window, up to `count`; false if there are none. One call of the
   * decoder for all of them: calling it for each would take most of the time of opening a model.
   */
  private decodeWindow(strings: string[], count: number, subject: string): boolean {
    const { bytes, view } = this;
    const starts: number[] = [];
    let at = this.next;
    while (starts.length < count - strings.length && at + 8 <= bytes.length) {
      const length = view.getUint32(at, true);
      if (view.getUint32(at + 4, true) !== 0 || length > bytes.length - at - 8) break;
      starts.push(at + 8);
      at += 8 + length;
    }
    if (starts.length === 0) return false;

    const packed = new Uint8Array(at - this.next - 8 * starts.length);
    const ends = new Array<number>(starts.length);
    let used = 0;
    let units = 0;
    let valid = true;
    for (let i = 0; i < starts.length; i++) {
      const start = starts[i];
      const end = i + 1 < starts.length ? starts[i + 1] - 8 : at;
      // A sequence that begins in one string and ends in the next would pass for a character once they are joined.
      if (start < end && (bytes[start] & 0xc0) === 0x80) valid = false;
      for (let j = start; j < end; j++) {
        const byte = bytes[j];
        packed[used++] = byte;
        // Lengths in UTF-16: continuation bytes add nothing, four-byte sequences are a surrogate pair.
        if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1;
      }
      ends[i] = units;
    }
    const text = valid ? tryDecode(packed) : undefined;
    if (text === undefined) throw this.findInvalid(starts.length, subject);
    this.next = at;
    for (let i = 0, start = 0; i < ends.length; start = ends[i++]) strings.push(text.slice(start, ends[i]));
    return true;
  }

  /** The error for the first of the next `count` strings that is not UTF-8. */
  private findInvalid(count: number, subject: string): FormatError {
    for (let i = 0; i < count; i++) {
      const length = this.u64(subject);
      const { at } = this.take(length);
      if (tryDecode(this.bytes.subarray(at, at + length)) === undefined)
        return this.invalidUtf8(at, length, subject);
    }
    throw new InternalError(`no invalid string in ${subject}`);
  }

  private decode(at: number, length: number, subject: string): string {
    const text = tryDecode(this.bytes.subarray(at, at + length));
    if (text === undefined) throw this.invalidUtf8(at, length, subject);
    return text;
  }

  private invalidUtf8(at: number, length: number, subject: string): FormatError {
    const start = Array.from(this.bytes.subarray(at, at + Math.min(length, 16)), (byte) =>
      byte.toString(16).padStart(2, '0'),
    );
    return this.failure(subject, {
      code: 'invalid-utf8',
      expected: 'UTF-8 text',
      found: `the bytes ${start.join(' ')}${length > 16 ? ' …' : ''}`,
      offset: this.base + at,
    });
  }
}

/** The text, or nothing if the bytes are not UTF-8. */
function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
