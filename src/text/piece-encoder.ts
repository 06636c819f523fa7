/** Ordinary text -> ids: cut into pieces, merge each. Knows nothing of control tokens. */
import { Merger } from './bpe.ts';
import { spellBytes } from './byte-alphabet.ts';
import type { IdBuffer } from './id-buffer.ts';
import type { MergeTable } from './merge-table.ts';
import { hashPiece, LONGEST_CACHED, PieceCache } from './piece-cache.ts';
import type { PreTokenizer } from './pre-tokenizer.ts';
import { findByteTokens, NO_TOKEN, TOKEN_NORMAL, type Vocabulary } from './vocabulary.ts';
import { WholeCharacters } from './whole-characters.ts';

// UTF-16 units of a piece that fits the scratch array; a longer one gets its own, and is merged in steps.
const LONGEST_WORD = 1024;

// UTF-16 units of one step.
const STEP_UNITS = 4096;

const REPLACEMENT = 0xfffd;

export class PieceEncoder {
  private readonly preTokenizer: PreTokenizer;
  private readonly merger: Merger;
  private readonly idOfByte: Int32Array;
  private readonly vocabulary: Vocabulary;
  private readonly ignoreMerges: boolean;
  private readonly lacksBytes: boolean;
  private readonly characters: WholeCharacters;
  private readonly cache = new PieceCache();
  private readonly scratch = new Int32Array(LONGEST_WORD * 3);

  /** `ignoreMerges`: take a piece that is a token as it is. */
  constructor(preTokenizer: PreTokenizer, vocabulary: Vocabulary, merges: MergeTable, ignoreMerges: boolean) {
    this.preTokenizer = preTokenizer;
    this.merger = new Merger(merges);
    this.idOfByte = findByteTokens(vocabulary);
    this.vocabulary = vocabulary;
    this.ignoreMerges = ignoreMerges;
    this.lacksBytes = this.idOfByte.includes(NO_TOKEN);
    this.characters = new WholeCharacters(vocabulary, merges, (bytes) => {
      const ids = Int32Array.from(bytes, (byte) => this.idOfByte[byte]);
      return ids.subarray(0, this.merger.merge(ids, ids.length));
    });
  }

  /** Appends the ids of `text`, in steps of about a millisecond. A lone surrogate counts as U+FFFD. */
  *encode(text: string, out: IdBuffer): Generator<void, void> {
    for (let start = 0; start < text.length; ) {
      start = this.encodeWords(text, start, start + STEP_UNITS, out);
      if (start === text.length) return;
      yield;
      const end = this.preTokenizer.pieceEnd(text, start);
      if (end - start <= LONGEST_WORD) continue;
      const ids = new Int32Array((end - start) * 3);
      const { count, isWhole } = this.symbolsOf(text, start, end, ids);
      out.append(ids, 0, isWhole ? count : yield* this.merger.mergeSteps(ids, count));
      start = end;
    }
  }

  /** Appends pieces from `start` on until one begins at `stop` or later, or is too long for one step. Where that one begins. */
  private encodeWords(text: string, start: number, stop: number, out: IdBuffer): number {
    const { preTokenizer, cache, idOfByte, scratch } = this;
    const last = Math.min(stop, text.length);
    for (let end: number; start < last; start = end) {
      end = preTokenizer.pieceEnd(text, start);
      const first = text.charCodeAt(start);
      if (end === start + 1 && first < 0x80) {
        if (idOfByte[first] !== NO_TOKEN) out.push(idOfByte[first]);
      } else if (end - start <= LONGEST_CACHED) {
        const hash = hashPiece(text, start, end);
        if (cache.copyTo(out, text, start, end, hash)) continue;
        const count = this.encodePiece(text, start, end, scratch);
        cache.add(text, start, end, hash, scratch, count);
        out.append(scratch, 0, count);
      } else if (end - start <= LONGEST_WORD) {
        out.append(scratch, 0, this.encodePiece(text, start, end, scratch));
      } else return start;
    }
    return start;
  }

  private encodePiece(text: string, start: number, end: number, ids: Int32Array): number {
    const { count, isWhole } = this.symbolsOf(text, start, end, ids);
    return isWhole ? count : this.merger.merge(ids, count);
  }

  /** What merging begins with; `isWhole`: there is nothing to merge. */
  private symbolsOf(
    text: string,
    start: number,
    end: number,
    ids: Int32Array,
  ): { count: number; isWhole: boolean } {
    if (this.ignoreMerges) {
      const id = this.vocabulary.ids.get(spellBytes(new TextEncoder().encode(text.slice(start, end))));
      // A piece of text may be spelled like a control token; it isn't one.
      if (id !== undefined && this.vocabulary.kindOf(id) === TOKEN_NORMAL) {
        ids[0] = id;
        return { count: 1, isWhole: true };
      }
    }
    const count = this.writeSymbols(text, start, end, ids);
    return { count: this.lacksBytes ? dropMissing(ids, count) : count, isWhole: false };
  }

  /** A token for each character where that is safe, else one for each byte. How many. */
  private writeSymbols(text: string, start: number, end: number, ids: Int32Array): number {
    const { idOfByte, characters } = this;
    let count = 0;
    let previous = Number.NaN;
    for (let i = start; i < end; i++) {
      let code = text.charCodeAt(i);
      if (code < 0x80) {
        ids[count++] = idOfByte[code];
        previous = code;
        continue;
      }
      const whole = characters.idOf(code, previous, i + 1 < end ? unitAt(text, i + 1) : Number.NaN);
      previous = code;
      if (whole >= 0) {
        ids[count++] = whole;
        continue;
      }
      if ((code & 0xf800) === 0xd800) {
        code = text.codePointAt(i)!;
        if (code > 0xffff) previous = text.charCodeAt(++i);
        else previous = code = REPLACEMENT;
      }
      if (code < 0x800) {
        ids[count++] = idOfByte[0xc0 | (code >> 6)];
      } else {
        if (code < 0x10000) {
          ids[count++] = idOfByte[0xe0 | (code >> 12)];
        } else {
          ids[count++] = idOfByte[0xf0 | (code >> 18)];
          ids[count++] = idOfByte[0x80 | ((code >> 12) & 0x3f)];
        }
        ids[count++] = idOfByte[0x80 | ((code >> 6) & 0x3f)];
      }
      ids[count++] = idOfByte[0x80 | (code & 0x3f)];
    }
    return count;
  }
}

/** As Hugging Face tokenizers, which leave out what has no token before they merge. How many are left. */
function dropMissing(ids: Int32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i++) if (ids[i] !== NO_TOKEN) ids[kept++] = ids[i];
  return kept;
}

/** The UTF-16 unit, a lone surrogate as what it is encoded as. */
function unitAt(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  return (unit & 0xf800) === 0xd800 && text.codePointAt(index)! < 0x10000 ? REPLACEMENT : unit;
}
