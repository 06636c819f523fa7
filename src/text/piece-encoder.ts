/** Ordinary text -> ids: cut into pieces, merge each. Knows nothing of control tokens. */
import { Merger } from './bpe.ts';
import { spellBytes } from './byte-alphabet.ts';
import type { IdBuffer } from './id-buffer.ts';
import type { MergeTable } from './merge-table.ts';
import { hashPiece, LONGEST_CACHED, PieceCache } from './piece-cache.ts';
import type { PreTokenizer } from './pre-tokenizer.ts';

// Bytes of a piece that fit the scratch array kept between calls; a longer one gets its own.
const SCRATCH = 4096;

const REPLACEMENT = 0xfffd;

export class PieceEncoder {
  private readonly preTokenizer: PreTokenizer;
  private readonly merger: Merger;
  private readonly idOfByte: Int32Array;
  private readonly wholePieces: ReadonlyMap<string, number> | undefined;
  private readonly cache = new PieceCache();
  private readonly scratch = new Int32Array(SCRATCH);

  /** `wholePieces`: the vocabulary, where a piece that is a token is taken as it is (`ignore_merges`). */
  constructor(
    preTokenizer: PreTokenizer,
    merges: MergeTable,
    idOfByte: Int32Array,
    wholePieces: ReadonlyMap<string, number> | undefined,
  ) {
    this.preTokenizer = preTokenizer;
    this.merger = new Merger(merges);
    this.idOfByte = idOfByte;
    this.wholePieces = wholePieces;
  }

  /** Appends the ids of `text`. A lone surrogate counts as U+FFFD. */
  encode(text: string, out: IdBuffer): void {
    const { preTokenizer, cache, idOfByte } = this;
    for (let start = 0, end: number; start < text.length; start = end) {
      end = preTokenizer.pieceEnd(text, start);
      const first = text.charCodeAt(start);
      if (end === start + 1 && first < 0x80) {
        out.push(idOfByte[first]);
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
    if (this.wholePieces) {
      const id = this.wholePieces.get(spellBytes(new TextEncoder().encode(text.slice(start, end))));
      if (id !== undefined) {
        ids[0] = id;
        return 1;
      }
    }
    return this.merger.merge(ids, this.writeBytes(text, start, end, ids));
  }

  /** The single-byte ids of the piece's UTF-8; how many. */
  private writeBytes(text: string, start: number, end: number, ids: Int32Array): number {
    const { idOfByte } = this;
    let count = 0;
    for (let i = start; i < end; i++) {
      let code = text.charCodeAt(i);
      if (code < 0x80) {
        ids[count++] = idOfByte[code];
        continue;
      }
      if ((code & 0xf800) === 0xd800) {
        code = text.codePointAt(i)!;
        if (code > 0xffff) i++;
        else code = REPLACEMENT;
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
