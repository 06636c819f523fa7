/** Log-probabilities: natural log of the softmax of raw logits, without bias and penalties, before temperature. */

import type { TextSpan } from './answer-text.ts';
import { argmax, mostLikely } from './candidates.ts';
import type { ChosenLogprob, TokenLogprob } from './events.ts';

/** The most alternatives that may be requested. */
export const MAX_LOGPROBS = 20;

type BytesOf = (token: number) => Uint8Array;

/** logits_V, the token that was chosen or read, and how many of the most likely ones to list with it. */
export function chosenLogprob(
  logits_V: Float32Array,
  token: number,
  numTop: number,
  bytesOf: BytesOf,
): ChosenLogprob {
  const logSum = logSumExp(logits_V);
  // One expression for all, so that a token's value is the same bits wherever it is listed.
  const entry = (id: number): TokenLogprob => ({
    token: id,
    logprob: Math.fround(logits_V[id] - logSum),
    bytes: bytesOf(id),
  });
  return { ...entry(token), top: mostLikely(logits_V, numTop).map(entry) };
}

function logSumExp(logits_V: Float32Array): number {
  const max = logits_V[argmax(logits_V)];
  let sum = 0;
  for (let id = 0; id < logits_V.length; id++) sum += Math.exp(logits_V[id] - max);
  return max + Math.log(sum);
}

/** Keeps the entries of tokens whose text is not certain yet. */
export class HeldLogprobs {
  private readonly held: { readonly entry: ChosenLogprob; readonly span: TextSpan }[] = [];

  push(entry: ChosenLogprob, span: TextSpan): void {
    this.held.push({ entry, span });
  }

  /** Entries whose whole text lies within the first `length` characters of the answer. */
  release(length: number): ChosenLogprob[] {
    const count = this.held.findIndex(({ span }) => span.end + (span.numPending > 0 ? 1 : 0) > length);
    return this.held.splice(0, count < 0 ? this.held.length : count).map(({ entry }) => entry);
  }

  /**
   * The answer ends at `length`: what is left, cut to the bytes that are part of it, so that all bytes together are those
   * of the answer. `text` is what the tokens say, the part beyond the end included.
   */
  finish(text: string, length: number): ChosenLogprob[] {
    const whole = this.release(length);
    for (const { entry, span } of this.held.splice(0)) {
      const numBytes =
        span.end <= length ? entry.bytes.length - span.numPending : bytesUpTo(text, length, entry, span);
      if (numBytes > 0) whole.push({ ...entry, bytes: entry.bytes.subarray(0, numBytes) });
    }
    return whole;
  }
}

/** How many bytes of a token that the end of the text cuts lie before it. */
function bytesUpTo(text: string, length: number, entry: ChosenLogprob, span: TextSpan): number {
  if (span.start >= length) return 0;
  const encoder = new TextEncoder();
  const beyond = text.slice(length, span.end);
  // Bytes that are not characters show as U+FFFD and cannot be counted by it, so count on the side that has none.
  return beyond.includes('\ufffd')
    ? encoder.encode(text.slice(span.start, length)).length - span.numPendingBefore
    : entry.bytes.length - span.numPending - encoder.encode(beyond).length;
}
