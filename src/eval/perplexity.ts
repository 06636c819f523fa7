/**
 * How well a model predicts a text. The definition:
 *
 * - A document is tokenized as a whole, control tokens in it being plain text. The model's start token goes before it where
 *   the model has one. Without one (dots.llm1) nothing predicts the first token, so it is not scored and its bytes don't
 *   count; there is no end token after the document either.
 * - It is read in windows of `contextTokens`, each beginning half a window after the one before. A window scores the tokens
 *   that no window scored before, so every token is scored once, and from the second window on with at least half a window
 *   before it.
 * - Perplexity is e to the mean of −ln p over the scored tokens. Bits per byte are Σ −log2 p over the UTF-8 bytes of the text
 *   as it was given, whatever the tokenizer made of it, so they compare models with different vocabularies.
 */
import { FormatError, UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type PositionLogits, score } from '../engine/score.ts';
import type { Tokenizer } from '../text/tokenizer.ts';

/** What it takes of an open model. */
export type ScoringContext = Parameters<typeof score>[0];

/** Sums over scored tokens; those of several documents add up. */
export interface TextLoss {
  readonly tokens: number;
  /** UTF-8 bytes of the text that the scored tokens stand for. */
  readonly bytes: number;
  /** Σ −ln p */
  readonly nats: number;
}

export const NO_LOSS: TextLoss = { tokens: 0, bytes: 0, nats: 0 };

export function addLoss(a: TextLoss, b: TextLoss): TextLoss {
  return { tokens: a.tokens + b.tokens, bytes: a.bytes + b.bytes, nats: a.nats + b.nats };
}

export function perplexity({ nats, tokens }: TextLoss): number {
  return Math.exp(nats / tokens);
}

export function bitsPerByte({ nats, bytes }: TextLoss): number {
  return nats / Math.LN2 / bytes;
}

export interface ScoreTextOptions {
  readonly contextTokens: number;
  readonly signal?: AbortSignal;
  /** Gets the logits of every position that is scored, in their order, and the token that follows. */
  readonly onLogits?: (logits_V: Float32Array, target: number) => void | Promise<void>;
  /** Tokens of this document that are scored so far. */
  readonly onProgress?: (doneTokens: number, totalTokens: number) => void;
}

/** Score one document. Throws `FormatError` (`not-a-number`) for a model whose logits are none. */
export async function scoreText(
  context: ScoringContext,
  tokenizer: Tokenizer,
  text: string,
  options: ScoreTextOptions,
): Promise<TextLoss> {
  const tokens = tokenizer.encodePrompt(text);
  if (tokens.length < 2) return NO_LOSS;
  // Nothing predicts the first token; a start token, the only control token there can be, stands for no text.
  const unscored = tokenizer.isControl(tokens[0]) ? 0 : tokenizer.decodeBytes(tokens[0]).length;
  const nats = await scoreTokens(context, tokens, options);
  const textBytes = new TextEncoder().encode(text).length;
  return { tokens: tokens.length - 1, bytes: textBytes - unscored, nats };
}

/** Σ −ln p of all tokens but the first, in nats, window by window. */
export async function scoreTokens(
  context: ScoringContext,
  tokens: readonly number[],
  options: ScoreTextOptions,
): Promise<number> {
  const { contextTokens, signal, onLogits, onProgress } = options;
  if (!Number.isInteger(contextTokens) || contextTokens < 2) {
    throw new UsageError(`Cannot score in windows of ${formatCount(contextTokens)} tokens`, {
      code: 'bad-context',
      hint: 'a window holds at least 2 tokens',
    });
  }
  const total = tokens.length - 1;
  let nats = 0;
  let done = 0;
  for (const { start, end, first } of windows(total, contextTokens)) {
    const logits = score(context, tokens.slice(start, end), first - start, signal);
    for await (const { position, logits_V } of logits as AsyncIterable<PositionLogits>) {
      const target = start + position + 1;
      const loss = negativeLogProbability(logits_V, tokens[target]);
      if (!Number.isFinite(loss)) {
        throw new FormatError(
          `Cannot score the text: the model gives ${loss} for token ${formatCount(target)}`,
          {
            code: 'not-a-number',
            hint: 'its weights are damaged, or its training went wrong',
          },
        );
      }
      nats += loss;
      await onLogits?.(logits_V, tokens[target]);
      onProgress?.(++done, total);
    }
  }
  return nats;
}

/** A window reads tokens `start` to `end` (not included); logits count from position `first` on. */
interface Window {
  readonly start: number;
  readonly end: number;
  readonly first: number;
}

/** Windows over the first `count` tokens of a document: every position's logits count in exactly one of them. */
export function* windows(count: number, size: number): Generator<Window> {
  const stride = Math.ceil(size / 2);
  let first = 0;
  for (let start = 0; first < count; start += stride) {
    const end = Math.min(start + size, count);
    yield { start, end, first };
    first = end;
  }
}

/** −ln softmax(logits)[target], summed in f64. */
export function negativeLogProbability(logits_V: Float32Array, target: number): number {
  return logSumExp(logits_V) - logits_V[target];
}

/** ln Σ e^logit, in f64. */
export function logSumExp(logits_V: Float32Array): number {
  let max = Number.NEGATIVE_INFINITY;
  for (const logit of logits_V) if (logit > max) max = logit;
  let sum = 0;
  for (const logit of logits_V) sum += Math.exp(logit - max);
  return Math.log(sum) + max;
}
