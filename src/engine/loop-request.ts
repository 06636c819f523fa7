import type { ExpertIds } from './routing.ts';

/** What the loop asks of a request: which tokens there are, and what to do with logits. */
export interface LoopRequest {
  /** Prompt and everything generated so far. */
  readonly tokens: readonly number[];
  /** First position whose logits are requested; generation needs the last one only. */
  readonly firstLogits: number;
  readonly signal: AbortSignal | undefined;
  /** `onLogits` receives what the output matrix multiplies, D numbers, in place of logits. */
  readonly wantsHidden?: boolean;
  /** `onLogits` receives the routing of the position. */
  readonly wantsRouting?: boolean;
  /** Whose request it is: a client with many waiting requests does not keep others from their turn. */
  readonly client?: string | undefined;
  /** Of one client's waiting requests those with the lowest number go first; default 0. */
  readonly priority?: number | undefined;
  /** Only requests of equal salt share cached prefixes. */
  readonly cacheSalt?: string | undefined;
  /** Its reader is slow; it gets no step until that is false again and `Loop.wake` was called. */
  readonly isPaused?: boolean;
  /** It is about to know what its next token may be; until then it gets no step and keeps its place. `Loop.wake` follows. */
  readonly isBusy?: boolean;
  /** It wants no more, which it found out while it was busy. */
  readonly isDone?: boolean;
  /** Logits of one position. The request may append a token; it returns false when it wants no more. */
  onLogits(position: number, logits_V: Float32Array, experts_LK?: ExpertIds): boolean;
  onProgress(numComputed: number): void;
  /**
   * A step has begun, and the results of the last one may be delivered now: the reader then works during the step instead of
   * delaying it.
   */
  onStep(): void;
  onEnd(error?: unknown): void;
}
