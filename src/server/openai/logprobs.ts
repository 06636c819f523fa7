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
  /** Characters (code points, as Python counts) begun so far. */
  private numChars = 0;

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
    // A token that continues a character begins where that character did.
    const isInside = bytes.length > 0 && isContinuation(bytes[0]) && this.numChars > 0;
    to.text_offset.push(isInside ? this.numChars - 1 : this.numChars);
    for (const byte of bytes) if (!isContinuation(byte)) this.numChars++;
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

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0;
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
