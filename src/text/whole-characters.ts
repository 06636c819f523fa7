/**
 * Characters whose bytes always merge to one token, so that merging may begin with characters instead of bytes: a third of
 * the work for Chinese.
 *
 * That gives the same ids if (1) a merge of a token always has a later rank than all merges that make it: then a character
 * is whole before anything larger is made of it; and (2) no merge can join a part of the character to something outside it
 * first. Vocabularies do have such merges (a comma and the first byte of the next character), so (2) is asked of the two
 * neighbours each time.
 */
import type { MergeTable } from './merge-table.ts';
import type { Vocabulary } from './vocabulary.ts';

const NONE = -1;

export class WholeCharacters {
  /** By UTF-16 unit; surrogates have none. */
  private readonly ids = new Int32Array(0x10000).fill(NONE);
  /** Last unit of a text -> a merge joins it to the first bytes alone of a character that follows. */
  private readonly grabsNext = new Uint8Array(0x10000);
  /** First unit of a text -> a merge joins it to the last bytes alone of a character before. */
  private readonly grabsPrevious = new Uint8Array(0x10000);
  /** Last byte and lead byte, six bits each -> a merge joins the end of one character to the beginning of the next. */
  private readonly joins = new Uint8Array(64 * 64);
  private anyJoins = false;

  constructor(vocabulary: Vocabulary, merges: MergeTable, mergeBytes: (bytes: Uint8Array) => Int32Array) {
    if (!this.readMerges(vocabulary, merges)) return;
    for (let id = 0; id < vocabulary.size; id++) {
      // Two or three bytes, each spelled by one character.
      const { length } = vocabulary.texts[id];
      if (length < 2 || length > 3) continue;
      const bytes = vocabulary.bytesOf(id);
      if (characterLength(bytes, 0) !== bytes.length) continue;
      const merged = mergeBytes(bytes);
      if (merged.length !== 1 || merged[0] !== id) continue;
      const text = decodeStrictly(bytes);
      if (text?.length === 1) this.ids[text.charCodeAt(0)] = id;
    }
  }

  /** The token that `unit` becomes between two others (NaN at an edge of the piece), or -1 if its bytes must decide. */
  idOf(unit: number, previous: number, next: number): number {
    // NaN indexes nothing, and undefined is not 1.
    if (this.grabsNext[previous] === 1 || this.grabsPrevious[next] === 1) return NONE;
    if (this.anyJoins && (this.mayJoin(previous, unit) || this.mayJoin(unit, next))) return NONE;
    return this.ids[unit];
  }

  private mayJoin(before: number, after: number): boolean {
    if (!(before >= 0x80 && after >= 0x80)) return false;
    // The last byte of a character has the low six bits of its code, and those of a low surrogate are the same.
    return this.joins[((before & 0x3f) << 6) | (leadOf(after) & 0x3f)] === 1;
  }

  /** False if the merges break condition (1). */
  private readMerges(vocabulary: Vocabulary, merges: MergeTable): boolean {
    const madeAt = new Int32Array(vocabulary.size).fill(NONE);
    for (let rank = 0; rank < merges.size; rank++) {
      madeAt[merges.at(rank).merged] = rank;
    }
    for (let rank = 0; rank < merges.size; rank++) {
      const { left, right, merged } = merges.at(rank);
      const before = vocabulary.bytesOf(left);
      const after = vocabulary.bytesOf(right);
      if (madeAt[left] >= rank || madeAt[right] >= rank) return false;
      // Not so only for tokens outside the byte alphabet, whose text is something else than their bytes.
      if (vocabulary.bytesOf(merged).length !== before.length + after.length) return false;
      // Within a character: its own business, or that of a token that grabbed a part of it before.
      if (isContinuation(after[0])) continue;
      const endsWhole = tailIsWhole(before);
      const beginsWhole = characterLength(after, 0) <= after.length;
      if (endsWhole && beginsWhole) continue;
      const text = decoder.decode(endsWhole ? before : after);
      if (endsWhole) this.grabsNext[text.charCodeAt(text.length - 1)] = 1;
      else if (beginsWhole) this.grabsPrevious[text.charCodeAt(0)] = 1;
      else {
        this.joins[((before[before.length - 1] & 0x3f) << 6) | (after[0] & 0x3f)] = 1;
        this.anyJoins = true;
      }
    }
    return true;
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** First byte of the UTF-8 of a character at or past U+0080; for a high surrogate that of the pair. */
function leadOf(unit: number): number {
  if (unit < 0x800) return 0xc0 | (unit >> 6);
  if ((unit & 0xfc00) === 0xd800) return 0xf0 | ((unit - 0xd800 + 0x40) >> 8);
  return 0xe0 | (unit >> 12);
}

/** Bytes of the character whose first one is at `index`. */
function characterLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index];
  return lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** Does the last character begin in these bytes and end with them? */
function tailIsWhole(bytes: Uint8Array): boolean {
  let lead = bytes.length - 1;
  while (lead >= 0 && isContinuation(bytes[lead])) lead--;
  return lead >= 0 && lead + characterLength(bytes, lead) === bytes.length;
}

function decodeStrictly(bytes: Uint8Array): string | undefined {
  const text = decoder.decode(bytes);
  return text.includes('\ufffd') ? undefined : text;
}
