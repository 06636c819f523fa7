import type { JsonValue } from '../format/json.ts';

/** Tokens to train on or to measure, on the flat token axis: documents are packed one after the other. All arrays are equally long. */
export interface Batch {
  readonly tokens_T: Int32Array;
  /** The token that follows each token in its document; −1 where there is none to predict. */
  readonly targets_T: Int32Array;
  /** Counted from 0 in each document. */
  readonly positions_T: Int32Array;
  /** The document of each token: attention stays inside. Equal neighbours only; numbers rise from 0. */
  readonly sequences_T: Int32Array;
  /** How much each target counts in the loss: 1, or 0 for a prompt, a marker, padding. A negative target counts nothing. */
  readonly lossWeights_T: Float32Array;
  /** How many of the tokens are not padding; all of them where it is undefined. */
  readonly numTokens?: number;
  /** UTF-8 bytes of text that the counted targets stand for, where that is known; for bits per byte. */
  readonly numBytes?: number;
}

/**
 * Where batches come from. The same position gives the same batches again, bit by bit: a resumed run repeats nothing and
 * skips nothing. A source for training never ends: it begins anew, or shuffled anew, after its last token.
 */
export interface BatchSource {
  /** The next `numTokens` tokens exactly; what does not fill them is padding with targets of −1. */
  next(numTokens: number): Promise<Batch>;
  /** Where the next batch begins: small, plain data that a checkpoint can hold. */
  position(): JsonValue;
  /** Go to where `position` was. Throws `FormatError` for a position of another source. */
  seek(position: JsonValue): Promise<void>;
}
