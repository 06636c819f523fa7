/** Log-probabilities in the two shapes of the API. */
import type { ChosenLogprob, TokenLogprob } from '../../engine/events.ts';
import type { Tokenizer } from '../../text/tokenizer.ts';

/** `{content: [...]}` of a chat answer. The bytes of all entries, joined, are the content. */
export function chatLogprobs(
  entries: readonly ChosenLogprob[],
  tokenizer: Tokenizer,
): { readonly content: readonly object[]; readonly refusal: null } {
  return {
    content: entries.map((entry) => ({
      ...chatEntry(entry, tokenizer),
      top_logprobs: entry.top.map((one) => chatEntry(one, tokenizer)),
    })),
    refusal: null,
  };
}

function chatEntry({ token, logprob, bytes }: TokenLogprob, tokenizer: Tokenizer): object {
  return { token: plainText(token, bytes, tokenizer), logprob: finite(logprob), bytes: Array.from(bytes) };
}

/** JSON has no infinity; this number stands for "not available". */
function finite(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : -9999;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function plainText(token: number, bytes: Uint8Array, tokenizer: Tokenizer): string {
  return tokenizer.isControl(token) ? tokenizer.pieceOf(token) : decoder.decode(bytes);
}

/** What is collected for a plain completion: four lists, an entry for each token. */
export interface CompletionLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: (number | null)[];
  readonly top_logprobs: (Readonly<Record<string, number>> | null)[];
  readonly text_offset: number[];
}

/** Adds entries one after another and knows where in the text each begins. */
export class CompletionLogprobWriter {
  private readonly tokenizer: Tokenizer;
  private readonly characters = new CharacterCounter();

  constructor(tokenizer: Tokenizer) {
    this.tokenizer = tokenizer;
  }

  /** The first token of a prompt has no probability: null. `bytes` is what the token adds to the text. */
  add(
    to: CompletionLogprobs,
    entry: ChosenLogprob | { readonly token: number; readonly bytes: Uint8Array; readonly logprob: null },
  ): void {
    const { token, bytes } = entry;
    to.tokens.push(exactText(token, bytes, this.tokenizer));
    to.text_offset.push(this.characters.add(bytes));
    if (entry.logprob === null) {
      to.token_logprobs.push(null);
      to.top_logprobs.push(null);
      return;
    }
    to.token_logprobs.push(finite(entry.logprob));
    const top: Record<string, number> = {};
    for (const one of [entry, ...entry.top])
      top[exactText(one.token, one.bytes, this.tokenizer)] ??= finite(one.logprob);
    to.top_logprobs.push(top);
  }
}

export function emptyCompletionLogprobs(): CompletionLogprobs {
  return { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
}

/** Counts the characters (code points, as Python counts) that bytes become, U+FFFD for invalid UTF-8 among them. */
class CharacterCounter {
  /** Characters begun so far. */
  private count = 0;
  /** Bytes that the last character lacks, and what the next of them may be. */
  private numMissing = 0;
  private low = 0x80;
  private high = 0xbf;

  /** Adds the bytes of a token; gives the character that it begins with, or within. */
  add(bytes: Uint8Array): number {
    let start = this.count;
    for (const [i, value] of bytes.entries()) {
      const isInside = this.numMissing > 0 && value >= this.low && value <= this.high;
      if (i === 0 && isInside) start = this.count - 1;
      if (isInside) {
        this.numMissing--;
        [this.low, this.high] = [0x80, 0xbf];
      } else this.begin(value);
    }
    return start;
  }

  /** The first byte of a character. Which may follow is the table of the WHATWG's decoder: no long forms, no surrogates. */
  private begin(value: number): void {
    this.count++;
    this.numMissing = value < 0xc2 || value > 0xf4 ? 0 : value < 0xe0 ? 1 : value < 0xf0 ? 2 : 3;
    this.low = value === 0xe0 ? 0xa0 : value === 0xf0 ? 0x90 : 0x80;
    this.high = value === 0xed ? 0x9f : value === 0xf4 ? 0x8f : 0xbf;
  }
}

const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Parts of characters are spelt by their bytes, so that different tokens have different names. */
function exactText(token: number, bytes: Uint8Array, tokenizer: Tokenizer): string {
  if (tokenizer.isControl(token)) return tokenizer.pieceOf(token);
  try {
    return strict.decode(bytes);
  } catch {
    return `bytes:${Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
  }
}
