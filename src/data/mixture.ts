import type { JsonValue } from '../format/json.ts';
import { type DocumentStream, numbersOf, type TrainingDocument, wrongPosition } from './document-stream.ts';

export interface MixturePart {
  readonly documents: DocumentStream;
  /** Share of the tokens; shares need not sum to 1. */
  readonly weight: number;
}

/**
 * Documents of several streams, mixed by tokens: the next one comes from the stream that is furthest below its share, so
 * shares hold exactly over any stretch much longer than a document, without a draw of luck.
 */
export class Mixture implements DocumentStream {
  private readonly parts: readonly MixturePart[];
  private readonly given: number[];

  constructor(parts: readonly MixturePart[]) {
    this.parts = parts;
    this.given = parts.map(() => 0);
  }

  async next(): Promise<TrainingDocument> {
    // Who has been given least for its weight; the first of equals.
    let part = 0;
    for (let i = 1; i < this.parts.length; i++) {
      if (this.given[i] * this.parts[part].weight < this.given[part] * this.parts[i].weight) part = i;
    }
    const document = await this.parts[part].documents.next();
    this.given[part] += document.tokens.length;
    return document;
  }

  position(): JsonValue {
    return {
      parts: this.parts.map((part, i) => ({ given: this.given[i], at: part.documents.position() })),
    };
  }

  async seek(position: JsonValue): Promise<void> {
    const { parts } = (position ?? {}) as { parts?: { at: JsonValue }[] };
    if (!Array.isArray(parts) || parts.length !== this.parts.length) {
      throw wrongPosition(`a mixture of ${this.parts.length} parts is needed`);
    }
    for (const [i, part] of parts.entries()) {
      this.given[i] = numbersOf(part as JsonValue, ['given']).given;
      await this.parts[i].documents.seek(part.at);
    }
  }
}
