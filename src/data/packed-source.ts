import type { JsonValue } from '../format/json.ts';
import type { Batch, BatchSource } from './batch.ts';
import { type DocumentStream, numbersOf, type TrainingDocument, wrongPosition } from './document-stream.ts';

export interface PackedSourceOptions {
  /** Longer documents are cut into pieces of this many tokens, and attention does not reach across a cut. */
  readonly sequenceLength: number;
  /** Bytes of text that each token stands for, by id. */
  readonly tokenBytes_V: Uint16Array;
}

/**
 * Packs documents one after the other on the token axis; positions start at 0 in each piece. Every token but the first of a
 * document is predicted exactly once: where a document is cut, the last token of a piece still has its target. At the end of
 * a batch a document is cut, or, if it has to stay whole, the rest of the batch is left empty.
 */
export class PackedSource implements BatchSource {
  private readonly documents: DocumentStream;
  private readonly options: PackedSourceOptions;
  /** The document that is being packed, how much of it is done, and its position in the stream. */
  private current: TrainingDocument | undefined;
  private offset = 0;
  private at: JsonValue;

  constructor(documents: DocumentStream, options: PackedSourceOptions) {
    this.documents = documents;
    this.options = options;
    this.at = documents.position();
  }

  async next(numTokens: number): Promise<Batch> {
    const { sequenceLength, tokenBytes_V } = this.options;
    const tokens_T = new Int32Array(numTokens);
    const targets_T = new Int32Array(numTokens).fill(-1);
    const positions_T = new Int32Array(numTokens);
    const sequences_T = new Int32Array(numTokens);
    const lossWeights_T = new Float32Array(numTokens);
    let numBytes = 0;
    let end = 0;
    let sequence = 0;
    for (; end < numTokens; sequence++) {
      const { tokens, lossMask, keepWhole } = await this.document();
      const wanted = Math.min(sequenceLength, tokens.length - this.offset);
      // Into an empty batch it goes all the same: no later one would be longer.
      if (keepWhole && end > 0 && wanted > numTokens - end) break;
      const length = Math.min(wanted, numTokens - end);
      for (let i = 0; i < length; i++) {
        const at = this.offset + i;
        tokens_T[end + i] = tokens[at];
        positions_T[end + i] = i;
        sequences_T[end + i] = sequence;
        if (at + 1 === tokens.length) continue;
        const target = tokens[at + 1];
        targets_T[end + i] = target;
        if (lossMask && lossMask[at + 1] === 0) continue;
        lossWeights_T[end + i] = 1;
        numBytes += tokenBytes_V[target];
      }
      end += length;
      this.advance(length);
    }
    // Padding is a sequence of its own, so that no token of the text sees it.
    for (let i = end; i < numTokens; i++) {
      positions_T[i] = i - end;
      sequences_T[i] = sequence;
    }
    return { tokens_T, targets_T, positions_T, sequences_T, lossWeights_T, numTokens: end, numBytes };
  }

  position(): JsonValue {
    return { documents: this.at, offset: this.offset };
  }

  async seek(position: JsonValue): Promise<void> {
    const { offset } = numbersOf(position, ['offset']);
    this.at = (position as { documents: JsonValue }).documents;
    await this.documents.seek(this.at);
    this.current = undefined;
    this.offset = offset;
  }

  private async document(): Promise<TrainingDocument> {
    if (!this.current) {
      this.at = this.documents.position();
      this.current = await this.documents.next();
      if (this.offset >= this.current.tokens.length) {
        throw wrongPosition(`token ${this.offset} of a document of ${this.current.tokens.length}`);
      }
    }
    return this.current;
  }

  private advance(length: number): void {
    this.offset += length;
    if (this.offset < (this.current as TrainingDocument).tokens.length) return;
    this.current = undefined;
    this.offset = 0;
    this.at = this.documents.position();
  }
}
