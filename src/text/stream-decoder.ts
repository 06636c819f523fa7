/** Bytes of UTF-8 as they come -> text, never half a character. */

const DECODER_OPTIONS = { ignoreBOM: true };

/** A fresh decoder that keeps a byte order mark: text is what the tokens say. */
export function utf8Decoder(): InstanceType<typeof TextDecoder> {
  return new TextDecoder('utf-8', DECODER_OPTIONS);
}

export class Utf8Stream {
  private readonly decoder = utf8Decoder();
  private pending: Uint8Array = new Uint8Array(0);

  /** Bytes that are held back: the beginning of a character that lacks its end. */
  get numPending(): number {
    return this.pending.length;
  }

  /**
   * The text that `bytes` completes. Up to three bytes that may be the start of a character are held back; bytes that can't
   * be become U+FFFD at once, exactly those that decoding everything together would give.
   */
  push(bytes: Uint8Array): string {
    let joined = bytes;
    if (this.pending.length > 0) {
      joined = new Uint8Array(this.pending.length + bytes.length);
      joined.set(this.pending);
      joined.set(bytes, this.pending.length);
    }
    const complete = joined.length - incompleteTail(joined);
    this.pending = joined.slice(complete);
    return complete === 0 ? '' : this.decoder.decode(joined.subarray(0, complete));
  }

  /** What is held back, which nothing will complete any more: U+FFFD or nothing. */
  flush(): string {
    const rest = this.decoder.decode(this.pending);
    this.pending = new Uint8Array(0);
    return rest;
  }
}

/** How many bytes at the end are a proper beginning of a character that lacks its end. */
function incompleteTail(bytes: Uint8Array): number {
  const end = bytes.length;
  for (let length = 1; length <= 3 && length <= end; length++) {
    const lead = bytes[end - length];
    if (lead < 0x80) return 0;
    if (lead < 0xc0) continue;
    const wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || wanted <= length) return 0;
    return length === 1 || isSecondByte(lead, bytes[end - length + 1]) ? length : 0;
  }
  return 0;
}

/** After some leads the second byte has a narrower range: no overlong forms, surrogates or numbers past U+10FFFF. */
function isSecondByte(lead: number, byte: number): boolean {
  if (lead === 0xe0) return byte >= 0xa0;
  if (lead === 0xed) return byte < 0xa0;
  if (lead === 0xf0) return byte >= 0x90;
  if (lead === 0xf4) return byte < 0x90;
  return true;
}
