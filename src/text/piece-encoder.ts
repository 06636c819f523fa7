/** Ordinary text -> ids: cut into pieces, merge each. Knows nothing of control tokens. */
import { Merger } from './bpe.ts';
import { spellBytes } from './byte-alphabet.ts';
import type { IdBuffer } from './id-buffer.ts';
import type { MergeTable } from './merge-table.ts';
import { hashPiece, LONGEST_CACHED, PieceCache } from './piece-cache.ts';
import type { PreTokenizer } from './pre-tokenizer.ts';
import { findByteTokens, NO_TOKEN, TOKEN_NORMAL, type Vocabulary } from './vocabulary.ts';
import { WholeCharacters } from './whole-characters.ts';

// Bytes of a piece that fit the scratch array kept between calls; a longer one gets its own.
const SCRATCH = 4096;

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
  private readonly scratch = new Int32Array(SCRATCH);

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

  /** Appends the ids of `text`. A lone surrogate counts as U+FFFD. */
  encode(text: string, out: IdBuffer): void {
    const { preTokenizer, cache, idOfByte } = this;
    for (let start = 0, end: number; start < text.length; start = end) {
      end = preTokenizer.pieceEnd(text, start);
      const first = text.charCodeAt(start);
      if (end === start + 1 && first < 0x80) {
        if (idOfByte[first] !== NO_TOKEN) out.push(idOfByte[first]);
      } else if (end - start <= LONGEST_CACHED) {
        const hash = hashPiece(text, start, end);
        if (cache.copyTo(out, text, start, end, hash)) continue;
        const count = this.encodePiece(text, start, end, this.scratch);
        cache.add(text, start, end, hash, this.scratch, count);
        out.append(this.scratch, 0, count);
      } else {
        const maxBytes = (end - start) * 3;
        const ids = maxBytes <= SCRATCH ? this.scratch : new Int32Array(maxBytes);
        out.append(ids, 0, this.encodePiece(text, start, end, ids));
      }
    }
  }

  private encodePiece(text: string, start: number, end: number, ids: Int32Array): number {
    if (this.ignoreMerges) {
      const id = this.vocabulary.ids.get(spellBytes(new TextEncoder().encode(text.slice(start, end))));
      // A piece of text may be spelled like a control token; it isn't one.
      if (id !== undefined && this.vocabulary.kindOf(id) === TOKEN_NORMAL) {
        ids[0] = id;
        return 1;
      }
    }
    const count = this.writeSymbols(text, start, end, ids);
    return this.merger.merge(ids, this.lacksBytes ? dropMissing(ids, count) : count);
  }

  /** What merging begins with: a token for each character where that is safe, else one for each byte. How many. */
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
