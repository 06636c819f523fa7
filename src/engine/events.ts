import type { ExpertIds } from './routing.ts';

/**
 * What happens while an answer is generated, in order: one `prompt-end`, many `token-delta`, one `finish`. The texts of all
 * `token-delta` events together are the answer.
 */
export type GenerateEvent = PromptProgressEvent | PromptEndEvent | TokenDeltaEvent | FinishEvent;

/** Part of a long prompt has been read. */
export interface PromptProgressEvent {
  readonly type: 'prompt-progress';
  readonly done: number;
  readonly total: number;
}

export interface PromptEndEvent {
  readonly type: 'prompt-end';
  readonly promptTokens: number;
  /** How many of them were still in the cache from an earlier request. */
  readonly cachedTokens: number;
  /** For each token of the prompt, if `promptLogprobs` was requested: null for the first, which nothing predicts. */
  readonly promptLogprobs?: readonly (ChosenLogprob | null)[];
}

export interface TokenLogprob {
  readonly token: number;
  /** Natural log of the softmax of the raw logits, in f32. */
  readonly logprob: number;
  /** What the token stands for. */
  readonly bytes: Uint8Array;
}

/** The token that was chosen. Control tokens are not text: they have no bytes here, but their name in lists of alternatives. */
export interface ChosenLogprob extends TokenLogprob {
  /** The most likely tokens, best first. Where the chosen one is among them, its value is the same to the bit. */
  readonly top: readonly TokenLogprob[];
}

export interface TokenDeltaEvent {
  readonly type: 'token-delta';
  readonly token: number;
  /**
   * Text that became certain with this token: never half a character nor the beginning of a stop string; may be empty. A
   * token some of whose text is uncertain is delivered with the next one, or at the end with the rest of the text.
   */
  readonly text: string;
  /**
   * With `routing`: [layers with experts, K], where the position before this token was routed in the pass that produced
   * the token. The first token of an answer thus comes with the routing of the prompt's last token.
   */
  readonly experts?: ExpertIds;
  /**
   * If `logprobs` was requested: entries of the tokens whose text has become certain by now, none or several. The bytes of
   * all entries of an answer, joined, are its text, also where a stop string cuts a token.
   */
  readonly logprobs?: readonly ChosenLogprob[];
}

export type FinishReason = 'stop' | 'length';

export interface FinishEvent {
  readonly type: 'finish';
  readonly reason: FinishReason;
  /** The whole answer. */
  readonly text: string;
  /** The end token or stop string that ended it. */
  readonly stoppedBy?: number | string;
  readonly timings: Timings;
}

export interface Timings {
  readonly promptTokens: number;
  readonly promptMs: number;
  readonly promptPerSecond: number;
  readonly predictedTokens: number;
  readonly predictedMs: number;
  readonly predictedPerSecond: number;
}
