import type { StreamDecoder } from '../text/tokenizer.ts';
import { possibleBeginning, StopStrings } from './stop-strings.ts';

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
  readonly stopBefore?: StopBefore | undefined;
}

/** From this text on, nothing is a stop string. */
export interface StopBefore {
  readonly text: string;
  /** Only if the answer begins with it. */
  readonly isPrefix: boolean;
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
  private readonly stopBefore: StopBefore | undefined;
  /** What may become the text from which on nothing stops. */
  private undecided = '';
  private place: 'start' | 'stoppable' | 'beyond' = 'start';

  constructor(decoder: StreamDecoder | undefined, options: AnswerTextOptions) {
    this.decoder = decoder;
    this.stopStrings = new StopStrings(options.stop);
    this.includeStopString = options.includeStopString;
    this.stopBefore = options.stopBefore;
  }

  /** The answer as far as it is certain: all text that was returned. */
  get shown(): string {
    return this.decoded.slice(0, this.length);
  }

  /** Some text is not certain yet: half a character, or the beginning of a stop string. */
  get isHoldingBack(): boolean {
    return this.length < this.decoded.length || (this.decoder?.numPending ?? 0) > 0;
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
    const { text, stop } = this.show(this.decoder?.flush() ?? '', mayStop, true);
    if (stop !== undefined) return { text, stop };
    const rest = this.stopStrings.flush();
    this.length += rest.length;
    return { text: text + rest };
  }

  private show(piece: string, mayStop: boolean, isLast = false): { text: string; stop?: string } {
    this.decoded += piece;
    const { stoppable, beyond } = this.divide(piece, isLast);
    const { text, stop } = mayStop ? this.stopStrings.push(stoppable) : { text: stoppable };
    let shown = stop !== undefined && this.includeStopString ? text + stop : text;
    if (stop === undefined && beyond !== '') shown += this.stopStrings.flush() + beyond;
    this.length += shown.length;
    return stop === undefined ? { text: shown } : { text: shown, stop };
  }

  /** Which of the text so far stop strings are looked for in, and which they are not. */
  private divide(piece: string, isLast: boolean): { stoppable: string; beyond: string } {
    if (!this.stopBefore) return { stoppable: piece, beyond: '' };
    if (this.place === 'beyond') return { stoppable: '', beyond: piece };
    const { text: limit, isPrefix } = this.stopBefore;
    const text = this.undecided + piece;
    const at = isPrefix ? (this.place === 'start' && text.startsWith(limit) ? 0 : -1) : text.indexOf(limit);
    if (at >= 0) {
      this.undecided = '';
      this.place = 'beyond';
      return { stoppable: text.slice(0, at), beyond: text.slice(at) };
    }
    const mayBegin = !isLast && (!isPrefix || this.place === 'start');
    const numHeld = mayBegin ? possibleBeginning(text, [limit]) : 0;
    const end = isPrefix && numHeld < text.length ? text.length : text.length - numHeld;
    this.undecided = text.slice(end);
    if (end > 0) this.place = 'stoppable';
    return { stoppable: text.slice(0, end), beyond: '' };
  }
}
