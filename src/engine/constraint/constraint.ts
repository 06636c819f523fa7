/** What an answer must look like, ready to be followed token by token. Shared by any number of requests. */
export interface Constraint {
  /** A fresh answer: nothing generated yet. */
  start(): ConstraintState;
  /** Parts of the specification that restrict nothing although they may have been meant to: formats, unknown keywords. */
  readonly ignored: readonly string[];
  /** About the memory that it takes at present, cached masks included. */
  readonly sizeBytes: number;
}

/** How far one answer has come. */
export interface ConstraintState {
  /**
   * Which tokens may come next: bit `id & 31` of word `id >> 5`. End tokens are among them exactly when the answer is
   * complete. At least one bit is set. The array belongs to the state and is good until a token is accepted.
   */
  mask(): Uint32Array;
  /** Advance by a token that the mask allows. Throws `InternalError` for any other. */
  accept(token: number): void;
  /**
   * Advance by a token, if one is given, and find the mask, with a pause about every millisecond: where nobody has been before,
   * it may take a second. Nothing else may be asked of the state meanwhile.
   */
  advance(token?: number): Generator<void, void>;
  /** The answer may end here. */
  readonly isComplete: boolean;
  /** The answer is complete and nothing but its end can follow. */
  readonly isFinished: boolean;
  clone(): ConstraintState;
}
