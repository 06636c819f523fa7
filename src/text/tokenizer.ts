/** The tokenizer: text -> ids and back. Made by `tokenizerFromGguf` or `tokenizerFromJson`. */
import {
  type AddedToken,
  AddedTokenMatcher,
  type AddedTokenRules,
  type ControlAllowed,
} from './added-tokens.ts';
import { IdBuffer } from './id-buffer.ts';
import { readMerges, type SpelledMerge } from './merge-table.ts';
import { PieceEncoder } from './piece-encoder.ts';
import type { PreTokenizer } from './pre-tokenizer.ts';
import type { DeclaredTokens, SpecialTokens } from './special-tokens.ts';
import { toEnd } from './steps.ts';
import { Utf8Stream, utf8Decoder } from './stream-decoder.ts';
import { TOKEN_CONTROL, TOKEN_UNUSED, TOKEN_USER_DEFINED, type Vocabulary } from './vocabulary.ts';

export interface EncodeOptions {
  /** Recognise control tokens in the text; default false, so that text from a user can't forge a turn. */
  readonly control?: boolean;
}

export interface DecodeOptions {
  /** Leave control tokens out; default false. */
  readonly skipControl?: boolean;
}

/** A part of a longer text, with its own answer to whether control tokens are recognised in it. */
export interface TextPart {
  readonly text: string;
  readonly control: boolean;
}

export interface StreamDecoder {
  /** Bytes that are held back: the beginning of a character that lacks its end. */
  readonly numPending: number;
  /** The text that this token completes, perhaps none. */
  push(id: number): string;
  /** The rest: U+FFFD if the last character never got its end. */
  flush(): string;
}

export interface Tokenizer {
  /** Ids go from 0 to this, unused padding included. */
  readonly vocabSize: number;
  /** How many ids are tokens and not padding of the embedding table. */
  readonly numRealTokens: number;
  readonly special: SpecialTokens;
  /** All control tokens, ascending. */
  readonly controlIds: readonly number[];
  /** Bytes of the longest token: no `n` tokens stand for more than `n` times as many. */
  readonly longestTokenBytes: number;
  /** Never adds a start or end token. Lone surrogates count as U+FFFD. */
  encode(text: string, options?: EncodeOptions): Int32Array;
  /** A text as a plain prompt: as `encode`, with the start token first where the file declares one. */
  encodePrompt(text: string, options?: EncodeOptions): number[];
  /** As `encode` of the parts joined, except that control tokens count only where they lie in parts that allow them. */
  encodeParts(parts: readonly TextPart[]): Int32Array;
  /** The same, in steps of about a millisecond: a caller with other things to do pauses at each. */
  encodeSteps(parts: readonly TextPart[]): Generator<void, Int32Array>;
  /** The control tokens among the ids that `encodeParts` gives, without the work for the others. */
  controlTokens(parts: readonly TextPart[]): number[];
  /** Invalid UTF-8 becomes U+FFFD. Throws `UsageError` for an id that is none, as all that follow do. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** The bytes the token stands for; none for unused ones. Don't write to them. */
  decodeBytes(id: number): Uint8Array;
  /** The token as its file spells it: `Ġworld`, `<|response|>`. */
  pieceOf(id: number): string;
  /** The inverse of `pieceOf`; unused tokens are not found. */
  idOf(piece: string): number | undefined;
  isControl(id: number): boolean;
  isUnused(id: number): boolean;
  streamDecoder(options?: DecodeOptions): StreamDecoder;
}

export interface TokenizerOptions {
  /** Called with warnings about guesses and contradictions, one sentence each. */
  readonly onWarning?: (text: string) => void;
}

export interface TokenizerParts {
  readonly vocabulary: Vocabulary;
  readonly merges: readonly SpelledMerge[];
  readonly preTokenizer: PreTokenizer;
  readonly special: SpecialTokens;
  /** Compose characters (NFC) before cutting. Only our own GGUF files say so; for others readers of GGUF don't. */
  readonly normalizer?: 'nfc';
  /** Of added tokens that have any. */
  readonly addedRules?: ReadonlyMap<number, AddedTokenRules>;
  /** Take a piece that is a token as it is, without merging. */
  readonly ignoreMerges?: boolean;
  /** Put a space before text that doesn't begin with one. */
  readonly prefixSpace?: boolean;
}

/** What a file says of a tokenizer: enough to make it, and to write it to a file of the other format. */
export interface TokenizerSource extends TokenizerParts {
  /** As the file declares them; `special` is what follows. */
  readonly declared: DeclaredTokens;
  /** What `tokenizer.json` of such a model does to text first. */
  readonly jsonNormalizer: 'nfc' | undefined;
  /** Nothing in the file says so: it is what models that cut text in this way do. */
  readonly isNormalizerGuessed?: boolean;
}

/** Throws `FormatError` for merges that don't fit the vocabulary and for a vocabulary that lacks a byte. */
export function createTokenizer(parts: TokenizerParts): Tokenizer {
  return new BpeTokenizer(parts);
}

class BpeTokenizer implements Tokenizer {
  readonly special: SpecialTokens;
  readonly numRealTokens: number;
  readonly controlIds: readonly number[];
  readonly longestTokenBytes: number;
  private readonly vocabulary: Vocabulary;
  private readonly pieces: PieceEncoder;
  private readonly added: AddedTokenMatcher;
  private readonly nfc: boolean;
  private readonly prefixSpace: boolean;
  private readonly addedNormalized: AddedTokenMatcher;

  constructor(parts: TokenizerParts) {
    const { vocabulary } = parts;
    this.special = parts.special;
    this.vocabulary = vocabulary;
    this.longestTokenBytes = vocabulary.longestBytes;
    this.numRealTokens = vocabulary.size - vocabulary.idsOfKind(TOKEN_UNUSED).length;
    this.pieces = new PieceEncoder(
      parts.preTokenizer,
      vocabulary,
      readMerges(parts.merges, vocabulary),
      parts.ignoreMerges === true,
    );
    this.nfc = parts.normalizer === 'nfc';
    this.prefixSpace = parts.prefixSpace === true;
    const raw: AddedToken[] = [];
    const normalized: AddedToken[] = [];
    this.controlIds = vocabulary.idsOfKind(TOKEN_CONTROL);
    for (const id of this.controlIds) {
      raw.push({ id, text: vocabulary.texts[id], control: true, ...parts.addedRules?.get(id) });
    }
    for (const id of vocabulary.idsOfKind(TOKEN_USER_DEFINED)) {
      const rules = parts.addedRules?.get(id);
      const text = vocabulary.texts[id];
      const token = { id, text: rules?.normalized ? this.normalize(text) : text, control: false, ...rules };
      (rules?.normalized ? normalized : raw).push(token);
    }
    this.added = new AddedTokenMatcher(raw);
    this.addedNormalized = new AddedTokenMatcher(normalized);
  }

  get vocabSize(): number {
    return this.vocabulary.size;
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    return this.encodeParts([{ text, control: options.control === true }]);
  }

  encodePrompt(text: string, options: EncodeOptions = {}): number[] {
    const { bos } = this.special;
    const ids = Array.from(this.encode(text, options));
    return bos === undefined ? ids : [bos, ...ids];
  }

  encodeParts(parts: readonly TextPart[]): Int32Array {
    return toEnd(this.encodeSteps(parts));
  }

  *encodeSteps(parts: readonly TextPart[]): Generator<void, Int32Array> {
    const { text, controlAllowed } = joined(parts);
    const out = new IdBuffer(text.length >> 1);
    for (const between of splitAt(this.added, text, controlAllowed, out)) {
      const normalized = this.normalize(between);
      if (this.addedNormalized.isEmpty) yield* this.encodeText(normalized, out);
      else
        for (const rest of splitAt(this.addedNormalized, normalized, undefined, out))
          yield* this.encodeText(rest, out);
    }
    return out.toArray();
  }

  controlTokens(parts: readonly TextPart[]): number[] {
    const { text, controlAllowed } = joined(parts);
    const out = new IdBuffer(0);
    for (const _ of splitAt(this.added, text, controlAllowed, out));
    return Array.from(out.toArray()).filter((id) => this.isControl(id));
  }

  private normalize(text: string): string {
    return this.nfc ? text.normalize('NFC') : text;
  }

  private encodeText(text: string, out: IdBuffer): Generator<void, void> {
    return this.pieces.encode(this.prefixSpace && !text.startsWith(' ') ? ` ${text}` : text, out);
  }

  decode(ids: ArrayLike<number>, options: DecodeOptions = {}): string {
    let sizeBytes = 0;
    for (let i = 0; i < ids.length; i++) sizeBytes += this.visibleBytes(ids[i], options).length;
    const bytes = new Uint8Array(sizeBytes);
    let end = 0;
    for (let i = 0; i < ids.length; i++) {
      const token = this.visibleBytes(ids[i], options);
      bytes.set(token, end);
      end += token.length;
    }
    return utf8Decoder().decode(bytes);
  }

  streamDecoder(options: DecodeOptions = {}): StreamDecoder {
    const stream = new Utf8Stream();
    return {
      get numPending() {
        return stream.numPending;
      },
      push: (id) => stream.push(this.visibleBytes(id, options)),
      flush: () => stream.flush(),
    };
  }

  private visibleBytes(id: number, options: DecodeOptions): Uint8Array {
    return options.skipControl && this.isControl(id) ? NO_BYTES : this.vocabulary.bytesOf(id);
  }

  decodeBytes(id: number): Uint8Array {
    return this.vocabulary.bytesOf(id);
  }

  pieceOf(id: number): string {
    this.vocabulary.check(id);
    return this.vocabulary.texts[id];
  }

  idOf(piece: string): number | undefined {
    return this.vocabulary.idOf(piece);
  }

  isControl(id: number): boolean {
    return this.vocabulary.kindOf(id) === TOKEN_CONTROL;
  }

  isUnused(id: number): boolean {
    return this.vocabulary.kindOf(id) === TOKEN_UNUSED;
  }
}

const NO_BYTES = new Uint8Array(0);

/** Pieces and merges are found in the whole text: they may cross the border of a part. */
function joined(parts: readonly TextPart[]): { text: string; controlAllowed: ControlAllowed | undefined } {
  if (parts.length === 1)
    return { text: parts[0].text, controlAllowed: parts[0].control ? () => true : undefined };
  const ranges: { start: number; end: number }[] = [];
  let start = 0;
  for (const part of parts) {
    const end = start + part.text.length;
    const last = ranges.at(-1);
    if (part.control && last?.end === start) last.end = end;
    else if (part.control) ranges.push({ start, end });
    start = end;
  }
  return {
    text: parts.map((part) => part.text).join(''),
    controlAllowed: (from, to) => ranges.some((range) => range.start <= from && to <= range.end),
  };
}

/** Writes the ids of added tokens to `out` and gives what lies between them, in order. */
function* splitAt(
  matcher: AddedTokenMatcher,
  text: string,
  controlAllowed: ControlAllowed | undefined,
  out: IdBuffer,
): Generator<string, void> {
  let start = 0;
  for (;;) {
    const match = matcher.find(text, start, controlAllowed);
    if (!match) break;
    if (match.start > start) yield text.slice(start, match.start);
    out.push(match.id);
    start = match.end;
  }
  if (start < text.length) yield start === 0 ? text : text.slice(start);
}
