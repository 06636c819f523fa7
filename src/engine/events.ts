import type { ExpertIds } from './routing.ts';

/** What happens while an answer is generated, in order: one `prompt-end`, many `token-delta`, one `finish`. */
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
}

export interface TokenDeltaEvent {
  readonly type: 'token-delta';
  readonly token: number;
  /** Text that became certain with this token: never half a character nor the beginning of a stop string; may be empty. */
  readonly text: string;
  /**
   * With `routing`: [layers with experts, K], where the position before this token was routed in the pass that produced
   * the token. The first token of an answer thus comes with the routing of the prompt's last token.
   */
  readonly experts?: ExpertIds;
}

export type FinishReason = 'stop' | 'length';

export interface FinishEvent {
  readonly type: 'finish';
  readonly reason: FinishReason;
  /** Text that was held back until the end was certain. */
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
