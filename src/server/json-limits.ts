import { badRequest } from './api-error.ts';

/**
 * What a body may consist of. Parsing and checking it takes time in proportion to these numbers rather than to its bytes, on the
 * thread that also sends everybody's tokens.
 */
const MAX_DEPTH = 64;
/** Of one object. */
const MAX_FIELDS = 10_000;
/** Of all objects: names that differ take a microsecond each to parse. */
const MAX_ALL_FIELDS = 60_000;
/** Objects and lists. */
const MAX_CONTAINERS = 25_000;
/** Names of fields included. */
const MAX_STRINGS = 200_000;
/** Elements of lists and fields of objects: above all, token ids. */
const MAX_ITEMS = 250_000;

/** Counts what JSON text consists of, piece by piece, before it is parsed. Text that is not JSON may pass. */
export class JsonLimits {
  /** Fields of each open object so far; undefined for a list. */
  private readonly open: (number | undefined)[] = [];
  private isString = false;
  private isEscaped = false;
  private stringLength = 0;
  private numContainers = 0;
  private numStrings = 0;
  private numItems = 0;
  private numFields = 0;

  private readonly maxText: number;

  /** `maxText`: UTF-16 units of the longest text that any request can use. */
  constructor(maxText: number) {
    this.maxText = maxText * ESCAPED_UNITS;
  }

  /** Throws 400 above a limit. */
  push(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      // The closing quote is counted, too.
      if (this.isString && ++this.stringLength > this.maxText + 1) throw tooLong(this.maxText);
      if (this.isEscaped) this.isEscaped = false;
      else if (this.isString) {
        if (code === BACKSLASH) this.isEscaped = true;
        else if (code === QUOTE) this.isString = false;
      } else if (code === COMMA) this.countItem();
      else if (code === COLON) {
        if (++this.numFields > MAX_ALL_FIELDS) throw tooMany(MAX_ALL_FIELDS, 'fields');
      } else if (code === QUOTE) {
        this.isString = true;
        this.stringLength = 0;
        if (++this.numStrings > MAX_STRINGS) throw tooMany(MAX_STRINGS, 'strings');
      } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
        this.open.push(code === OPEN_OBJECT ? 1 : undefined);
        if (this.open.length > MAX_DEPTH) throw invalid(`The body is nested deeper than ${MAX_DEPTH} levels`);
        if (++this.numContainers > MAX_CONTAINERS) throw tooMany(MAX_CONTAINERS, 'objects and lists');
      } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) this.open.pop();
    }
  }

  private countItem(): void {
    if (++this.numItems > MAX_ITEMS) throw tooMany(MAX_ITEMS, 'elements');
    const top = this.open.length - 1;
    const numFields = this.open[top];
    if (numFields === undefined) return;
    if (numFields >= MAX_FIELDS) throw invalid(`An object in the body has more than ${MAX_FIELDS} fields`);
    this.open[top] = numFields + 1;
  }
}

/** `\\u0041` is one unit of text. */
const ESCAPED_UNITS = 6;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** It is nearly always a prompt; clients know the code, and shorten it. */
function tooLong(most: number): Error {
  return badRequest(
    `A string in the body is longer than ${most} bytes`,
    undefined,
    'context_length_exceeded',
  );
}

function tooMany(most: number, what: string): Error {
  return invalid(`The body has more than ${most} ${what}`);
}

function invalid(message: string): Error {
  return badRequest(message, undefined, 'invalid_json');
}
