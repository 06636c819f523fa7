import { TOOL_FORMATS, type ToolCall, type ToolFormat, type ToolFormatName } from './tool-format.ts';

export type ToolDelta =
  | { readonly type: 'content'; readonly text: string }
  | { readonly type: 'call-start'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: 'call-arguments'; readonly index: number; readonly text: string };

/** The start of a call is never longer; longer text is not a call. */
const MAX_HEAD = 200;

type Place = 'text' | 'head' | 'arguments' | 'tail';

export interface ToolCallParserOptions {
  /** Default `tagged`. */
  readonly format?: ToolFormatName;
  /** The answer is either calls or text as a whole: what looks like a call in the midst of text is text. */
  readonly isWhole?: boolean;
  /** The answer is calls and nothing else. */
  readonly mustCall?: boolean;
}

/**
 * Text as it is generated -> content and calls, as soon as each is certain. Text that may still be the beginning of a call
 * is held back. Calls that `compileConstraint` allowed are found whole; what only looks like one stays content.
 */
export class ToolCallParser {
  /** The calls so far; the arguments of the last may lack their end. */
  readonly calls: ToolCall[] = [];
  private readonly format: ToolFormat;
  /** Calls are the whole answer, or there are none. */
  private readonly isWhole: boolean;
  private readonly mustCall: boolean;
  private place: Place = 'text';
  private held = '';
  /** Nothing of the answer has been given yet. */
  private isBeginning = true;
  private depth = 0;
  private isInString = false;
  private isEscaped = false;

  constructor({ format = 'tagged', isWhole = false, mustCall = false }: ToolCallParserOptions = {}) {
    this.format = TOOL_FORMATS[format];
    this.isWhole = isWhole || this.format.separator === undefined;
    this.mustCall = mustCall;
  }

  /** The last call lacks the end of its arguments. */
  get isInsideCall(): boolean {
    return this.place === 'arguments';
  }

  push(text: string): ToolDelta[] {
    this.held += text;
    const deltas: ToolDelta[] = [];
    while (this.advance(deltas));
    return deltas;
  }

  /**
   * No more text. What was held back is content after all, unless the answer was cut off (by a token limit or a stop) where a
   * call may have begun: half a marker helps nobody. A single character of it may as well be text.
   */
  finish(isCut = false): ToolDelta[] {
    const { held, place, calls } = this;
    this.held = '';
    if (place === 'head' && !isCut && calls.length === 0 && !this.mustCall)
      return [{ type: 'content', text: this.format.open + held }];
    if (place !== 'text' || held === '') return [];
    if (calls.length > 0 && held.trim() === '') return [];
    if (isCut && (this.mustCall || calls.length > 0 || held.length > 1)) return [];
    return [{ type: 'content', text: held }];
  }

  /** Deals with some of what is held; false if more text is needed. */
  private advance(deltas: ToolDelta[]): boolean {
    switch (this.place) {
      case 'text':
        return this.readText(deltas);
      case 'head':
        return this.readHead(deltas);
      case 'arguments':
        return this.readArguments(deltas);
      case 'tail':
        return this.readTail();
    }
  }

  private readText(deltas: ToolDelta[]): boolean {
    const { open } = this.format;
    const at = this.findOpen();
    const end = at >= 0 ? at : this.held.length - this.possibleBeginning();
    const text = this.held.slice(0, end);
    const isSpace = text.trim() === '';
    // White space between two calls belongs to neither.
    if (this.calls.length > 0 && isSpace && at < 0) return false;
    if (text !== '' && !(this.calls.length > 0 && isSpace)) deltas.push({ type: 'content', text });
    if (text !== '') this.isBeginning = false;
    this.held = this.held.slice(at >= 0 ? at + open.length : end);
    if (at >= 0) this.place = 'head';
    return at >= 0;
  }

  /** Where `open` begins a call in what is held, or -1. */
  private findOpen(): number {
    const { open } = this.format;
    if (!this.isWhole || this.calls.length > 0) return this.held.indexOf(open);
    return this.isBeginning && this.held.startsWith(open) ? 0 : -1;
  }

  /** Length of the longest end of what is held that may become `open`. */
  private possibleBeginning(): number {
    const { open } = this.format;
    if (this.isWhole && this.calls.length === 0)
      return this.isBeginning && open.startsWith(this.held) ? this.held.length : 0;
    for (let length = Math.min(open.length - 1, this.held.length); length > 0; length--) {
      if (open.startsWith(this.held.slice(this.held.length - length))) return length;
    }
    return 0;
  }

  private readHead(deltas: ToolDelta[]): boolean {
    const match = this.format.head.exec(this.held);
    if (!match) {
      if (this.held.length < MAX_HEAD) return false;
      deltas.push({ type: 'content', text: this.format.open });
      this.isBeginning = false;
      this.place = 'text';
      return true;
    }
    const call: ToolCall = { id: newCallId(), name: match[1], arguments: '' };
    deltas.push({ type: 'call-start', index: this.calls.length, id: call.id, name: call.name });
    this.calls.push(call);
    this.held = this.held.slice(match[0].length);
    this.depth = 0;
    this.place = 'arguments';
    return true;
  }

  private readArguments(deltas: ToolDelta[]): boolean {
    let end = 0;
    while (end < this.held.length) {
      this.readCharacter(this.held[end++]);
      if (this.depth > 0) continue;
      this.place = 'tail';
      break;
    }
    if (end === 0) return false;
    const text = this.held.slice(0, end);
    const index = this.calls.length - 1;
    const call = this.calls[index];
    this.calls[index] = { ...call, arguments: call.arguments + text };
    deltas.push({ type: 'call-arguments', index, text });
    this.held = this.held.slice(end);
    return this.place === 'tail';
  }

  private readCharacter(character: string): void {
    if (this.isEscaped) this.isEscaped = false;
    else if (this.isInString) {
      if (character === '\\') this.isEscaped = true;
      else if (character === '"') this.isInString = false;
    } else if (character === '"') this.isInString = true;
    else if (character === '{' || character === '[') this.depth++;
    else if (character === '}' || character === ']') this.depth--;
  }

  private readTail(): boolean {
    const { close } = this.format;
    const at = this.held.indexOf(close);
    if (at < 0) return false;
    this.held = this.held.slice(at + close.length);
    this.isBeginning = false;
    this.place = 'text';
    return true;
  }
}

const ID_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** `call_` and 24 characters, about 142 random bits. */
export function newCallId(): string {
  let id = 'call_';
  while (id.length < 29) {
    for (const value of crypto.getRandomValues(new Uint8Array(32))) {
      // 248 is the largest multiple of 62 in a byte: beyond it, some characters would come more often.
      if (value < 248 && id.length < 29) id += ID_CHARACTERS[value % 62];
    }
  }
  return id;
}
