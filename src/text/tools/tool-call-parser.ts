import { CALL_CLOSE, CALL_OPEN, type ToolCall } from './tool-format.ts';

export type ToolDelta =
  | { readonly type: 'content'; readonly text: string }
  | { readonly type: 'call-start'; readonly index: number; readonly id: string; readonly name: string }
  | { readonly type: 'call-arguments'; readonly index: number; readonly text: string };

/** The text between the marker and the arguments. */
const HEAD = /^\s*\{\s*"name"\s*:\s*"([A-Za-z0-9_-]{1,64})"\s*,\s*"arguments"\s*:\s*(?=\{)/;
/** The start of a call is never longer; longer text is not a call. */
const MAX_HEAD = 200;

type Place = 'text' | 'head' | 'arguments' | 'tail';

/**
 * Text as it is generated -> content and calls, as soon as each is certain. Text that may still be the beginning of a call
 * is held back. Calls that `compileConstraint` allowed are found whole; what only looks like one stays content.
 */
export class ToolCallParser {
  /** The calls so far; the arguments of the last may lack their end. */
  readonly calls: ToolCall[] = [];
  private place: Place = 'text';
  private held = '';
  private depth = 0;
  private isInString = false;
  private isEscaped = false;

  push(text: string): ToolDelta[] {
    this.held += text;
    const deltas: ToolDelta[] = [];
    while (this.advance(deltas));
    return deltas;
  }

  /** No more text: what was held back is content after all, but for a call that was cut off before it had a name. */
  finish(): ToolDelta[] {
    const { held, place } = this;
    this.held = '';
    const isContent = place === 'text' && (this.calls.length === 0 ? held !== '' : held.trim() !== '');
    return isContent ? [{ type: 'content', text: held }] : [];
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
    const at = this.held.indexOf(CALL_OPEN);
    const end = at >= 0 ? at : this.held.length - possibleBeginning(this.held, CALL_OPEN);
    const text = this.held.slice(0, end);
    const isSpace = text.trim() === '';
    // White space between two calls belongs to neither.
    if (this.calls.length > 0 && isSpace && at < 0) return false;
    if (text !== '' && !(this.calls.length > 0 && isSpace)) deltas.push({ type: 'content', text });
    this.held = this.held.slice(at >= 0 ? at + CALL_OPEN.length : end);
    if (at >= 0) this.place = 'head';
    return at >= 0;
  }

  private readHead(deltas: ToolDelta[]): boolean {
    const match = HEAD.exec(this.held);
    if (!match) {
      if (this.held.length < MAX_HEAD) return false;
      deltas.push({ type: 'content', text: CALL_OPEN });
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
    const at = this.held.indexOf(CALL_CLOSE);
    if (at < 0) return false;
    this.held = this.held.slice(at + CALL_CLOSE.length);
    this.place = 'text';
    return true;
  }
}

/** Length of the longest end of `text` that begins `marker`. */
function possibleBeginning(text: string, marker: string): number {
  for (let length = Math.min(marker.length - 1, text.length); length > 0; length--) {
    if (marker.startsWith(text.slice(text.length - length))) return length;
  }
  return 0;
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
