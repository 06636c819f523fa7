/** The tokens of a model: their text, their kind, their bytes. */
import { FormatError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { readSpelling } from './byte-alphabet.ts';

/** Kinds of tokens, numbered as in GGUF's `tokenizer.ggml.token_type`. */
export const TOKEN_NORMAL = 1;
export const TOKEN_CONTROL = 3;
export const TOKEN_USER_DEFINED = 4;
/** Padding of the embedding table: never in a text, never to be sampled. */
export const TOKEN_UNUSED = 5;

/** `<|user|>`, `<start_of_turn>`, `[INST]`: the form of markers. Whatever has another form may be part of ordinary text. */
export function isBracketed(text: string): boolean {
  return /^(?:<[^<>\s]+>|\[[^[\]\s]+\])$/u.test(text);
}

export class Vocabulary {
  /** As the file spells them: normal tokens in the byte alphabet, added ones in plain text. */
  readonly texts: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  private readonly kinds: Uint8Array;
  private readonly bytes: Uint8Array;
  /** Where the bytes of each token begin; one more than tokens. */
  private readonly offsets: Int32Array;

  /** `kinds`: one for each text; without it all are normal. Throws `FormatError` if their numbers differ. */
  constructor(texts: readonly string[], kinds?: ArrayLike<number>) {
    if (kinds && kinds.length !== texts.length) {
      throw new FormatError(
        `Cannot read the vocabulary: ${formatCount(texts.length)} tokens but ${formatCount(kinds.length)} token types`,
        {
          code: 'bad-vocabulary',
          hint: 'the file was written by a faulty converter; convert the model again',
        },
      );
    }
    this.texts = texts;
    this.kinds = kinds ? Uint8Array.from(kinds) : new Uint8Array(texts.length).fill(TOKEN_NORMAL);
    const ids = new Map<string, number>();
    // Backwards, so that the first of equal texts keeps its id; unused tokens are not to be found by text.
    for (let id = texts.length - 1; id >= 0; id--)
      if (this.kinds[id] !== TOKEN_UNUSED) ids.set(texts[id], id);
    this.ids = ids;

    let maxBytes = 0;
    for (const text of texts) maxBytes += text.length * 3;
    const bytes = new Uint8Array(maxBytes);
    this.offsets = new Int32Array(texts.length + 1);
    const encoder = new TextEncoder();
    let end = 0;
    for (let id = 0; id < texts.length; id++) {
      const kind = this.kinds[id];
      // A normal token that is not in the byte alphabet stands for its own text, as in the reference.
      const spelled = kind === TOKEN_NORMAL ? readSpelling(texts[id], bytes, end) : -1;
      if (spelled >= 0) end += spelled;
      else if (kind !== TOKEN_UNUSED) end += encoder.encodeInto(texts[id], bytes.subarray(end)).written;
      this.offsets[id + 1] = end;
    }
    this.bytes = bytes.slice(0, end);
  }

  get size(): number {
    return this.texts.length;
  }

  /** Of the longest token. */
  get longestBytes(): number {
    let longest = 0;
    for (let id = 0; id < this.size; id++)
      longest = Math.max(longest, this.offsets[id + 1] - this.offsets[id]);
    return longest;
  }

  /** Throws `UsageError` for an id that is none. */
  kindOf(id: number): number {
    this.check(id);
    return this.kinds[id];
  }

  /** A view of the bytes the token stands for; none for an unused one. Throws `UsageError` for an id that is none. */
  bytesOf(id: number): Uint8Array {
    this.check(id);
    return this.bytes.subarray(this.offsets[id], this.offsets[id + 1]);
  }

  /** Unused tokens are not found. */
  idOf(text: string): number | undefined {
    return this.ids.get(text);
  }

  /** The same tokens, some of them of another kind. */
  withKinds(ids: readonly number[], kind: number): Vocabulary {
    const kinds = this.kinds.slice();
    for (const id of ids) kinds[id] = kind;
    return new Vocabulary(this.texts, kinds);
  }

  /** Ids of one kind, ascending. */
  idsOfKind(kind: number): number[] {
    const ids: number[] = [];
    for (let id = 0; id < this.size; id++) if (this.kinds[id] === kind) ids.push(id);
    return ids;
  }

  check(id: number): void {
    if (Number.isInteger(id) && id >= 0 && id < this.size) return;
    throw new UsageError(
      `Cannot decode token ${Number.isFinite(id) ? id.toLocaleString('en-US') : id}: the vocabulary has ${formatCount(this.size)} tokens`,
      { code: 'token-out-of-range', hint: `token ids are whole numbers from 0 to ${this.size - 1}` },
    );
  }
}

/** In place of the token of a byte that has none. */
export const NO_TOKEN = -2;

/** Does text that someone may write have this byte? Not control characters, nor what begins no assigned character. */
function isNeeded(byte: number): boolean {
  if (byte < 0x80) return (byte >= 0x20 && byte < 0x7f) || [0x09, 0x0a, 0x0d].includes(byte);
  return byte <= 0xf4 && ![0xc0, 0xc1, 0xf1, 0xf2].includes(byte);
}

/**
 * The single-byte token of each byte, or `NO_TOKEN`: vocabularies trained without the full alphabet, such as SmolLM2's, lack
 * bytes that their texts didn't have. Throws `FormatError` if one is missing that text is made of.
 */
export function findByteTokens(vocabulary: Vocabulary): Int32Array {
  const idOfByte = new Int32Array(256).fill(NO_TOKEN);
  for (let id = vocabulary.size - 1; id >= 0; id--) {
    // A byte is spelled by one character; most tokens are longer and need no closer look.
    if (vocabulary.texts[id].length !== 1 || vocabulary.kindOf(id) !== TOKEN_NORMAL) continue;
    const bytes = vocabulary.bytesOf(id);
    if (bytes.length === 1) idOfByte[bytes[0]] = id;
  }
  const numMissing = idOfByte.filter((id) => id < 0).length;
  const first = idOfByte.findIndex((id, byte) => id < 0 && isNeeded(byte));
  if (first >= 0) {
    throw new FormatError(
      `Cannot use the vocabulary: ${numMissing} of 256 bytes have no token, among them 0x${first.toString(16).padStart(2, '0')}`,
      {
        code: 'bad-vocabulary',
        hint: 'a byte-level vocabulary needs a token for each byte; train it with the full initial alphabet',
        expected: '256 single-byte tokens',
        found: `${256 - numMissing}`,
      },
    );
  }
  return idOfByte;
}
