import type { StreamDecoder } from '../text/tokenizer.ts';
import { StopStrings } from './stop-strings.ts';

/** Where the text of one token lies in all of the answer's text, in UTF-16 units. */
export interface TextSpan {
  readonly start: number;
  /** Position after the last character that this token completed. */
  readonly end: number;
  /** Bytes of a character begun before this token. */
  readonly numPendingBefore: number;
  /** Bytes of a character that this token, or one before it, began and did not complete. */
  readonly numPending: number;
}

export interface AnswerTextOptions {
  readonly stop: readonly string[];
  /** The stop string is part of the text. */
  readonly includeStopString: boolean;
}

/** Tokens -> text that is certain: never half a character nor the beginning of a stop string. */
export class AnswerText {
  /** What the tokens say so far, whether shown or held back. */
  decoded = '';
  /** How much of it has been shown. */
  length = 0;
  private readonly decoder: StreamDecoder | undefined;
  private readonly stopStrings: StopStrings;
  private readonly includeStopString: boolean;

  constructor(decoder: StreamDecoder | undefined, options: AnswerTextOptions) {
    this.decoder = decoder;
    this.stopStrings = new StopStrings(options.stop);
    this.includeStopString = options.includeStopString;
  }

  /** The text that became certain with `token`, and the stop string if one is complete. */
  push(token: number, mayStop: boolean): { text: string; stop?: string; span: TextSpan } {
    const start = this.decoded.length;
    const numPendingBefore = this.decoder?.numPending ?? 0;
    const piece = this.decoder?.push(token) ?? '';
    const shown = this.show(piece, mayStop);
    const span = {
      start,
      end: this.decoded.length,
      numPendingBefore,
      numPending: this.decoder?.numPending ?? 0,
    };
    return { ...shown, span };
  }

  /** No more tokens: what was held back is text after all, unless it completes a stop string now. */
  flush(mayStop: boolean): { text: string; stop?: string } {
    const { text, stop } = this.show(this.decoder?.flush() ?? '', mayStop);
    if (stop !== undefined) return { text, stop };
    const rest = this.stopStrings.flush();
    this.length += rest.length;
    return { text: text + rest };
  }

  private show(piece: string, mayStop: boolean): { text: string; stop?: string } {
    this.decoded += piece;
    const { text, stop } = mayStop ? this.stopStrings.push(piece) : { text: piece };
    const shown = stop !== undefined && this.includeStopString ? text + stop : text;
    this.length += shown.length;
    return stop === undefined ? { text: shown } : { text: shown, stop };
  }
}
