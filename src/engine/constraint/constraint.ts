/** What an answer must look like, ready to be followed token by token. Shared by any number of requests. */
export interface Constraint {
  /** A fresh answer: nothing generated yet. */
  start(): ConstraintState;
  /** Parts of the specification that restrict nothing although they may have been meant to: formats, unknown keywords. */
  readonly ignored: readonly string[];
}

/** How far one answer has come. */
export interface ConstraintState {
  /**
   * Which tokens may come next: bit `id & 31` of word `id >> 5`. End tokens are among them exactly when the answer is
   * complete. At least one bit is set. The array belongs to the state and is good until the next call.
   */
  mask(): Uint32Array;
  /** Advance by a token that the mask allows. Throws `InternalError` for any other. */
  accept(token: number): void;
  /** The answer may end here. */
  readonly isComplete: boolean;
  /** The answer is complete and nothing but its end can follow. */
  readonly isFinished: boolean;
  clone(): ConstraintState;
}
