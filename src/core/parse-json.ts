/**
 * `JSON.parse` in steps. One call for megabytes of small values takes tens of milliseconds, during which nothing else happens; here every
 * step parses a stretch of text with `JSON.parse`, and only containers longer than a stretch are taken apart.
 */

/** UTF-16 units of one step: about a millisecond. */
const STRETCH = 256 * 1024;

/**
 * The value that `JSON.parse(text)` gives, or a `SyntaxError` where it throws one. Pauses at each `yield`. Each level of nesting looks at
 * up to a stretch of text again, so depth is the caller's to limit.
 */
export function* parseJsonSteps(text: string, stretch = STRETCH): Generator<void, unknown> {
  const parser = new StepParser(text, stretch);
  const value = yield* parser.value();
  parser.skipSpace();
  if (parser.at < text.length) throw parser.unexpected();
  return value;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

class StepParser {
  at = 0;
  private readonly text: string;
  private readonly stretch: number;

  constructor(text: string, stretch: number) {
    this.text = text;
    this.stretch = stretch;
  }

  *value(): Generator<void, unknown> {
    this.skipSpace();
    const code = this.text.charCodeAt(this.at);
    const end = this.endOfValue(this.at, this.at + this.stretch);
    if (end !== undefined) return this.take(end);
    if (code === OPEN_LIST) return yield* this.list();
    if (code === OPEN_OBJECT) return yield* this.object();
    // A string as long as this is one piece of memory, which is copied fast.
    return this.take(this.endOfValue(this.at, this.text.length) ?? this.text.length);
  }

  unexpected(): SyntaxError {
    const found = this.at < this.text.length ? JSON.stringify(this.text[this.at]) : 'the end';
    return new SyntaxError(`Unexpected ${found} in JSON at position ${this.at}`);
  }

  skipSpace(): void {
    while (isSpace(this.text.charCodeAt(this.at))) this.at++;
  }

  private *list(): Generator<void, unknown[]> {
    const items: unknown[] = [];
    if (this.opensEmpty(CLOSE_LIST)) return items;
    for (;;) {
      // Or a run of nothing but spaces, after a comma, would pass for an empty list.
      this.skipSpace();
      const end = this.endOfRun();
      if (end > this.at) {
        // Not `push(...)`: there may be more items than a call takes arguments.
        for (const item of this.parse(`[${this.text.slice(this.at, end)}]`) as unknown[]) items.push(item);
        this.at = end;
      } else items.push(yield* this.value());
      if (this.closes(CLOSE_LIST)) return items;
      yield;
    }
  }

  private *object(): Generator<void, Record<string, unknown>> {
    const object: Record<string, unknown> = {};
    if (this.opensEmpty(CLOSE_OBJECT)) return object;
    for (;;) {
      this.skipSpace();
      const end = this.endOfRun();
      if (end > this.at) {
        const fields = this.parse(`{${this.text.slice(this.at, end)}}`) as Record<string, unknown>;
        for (const [name, value] of Object.entries(fields)) setField(object, name, value);
        this.at = end;
      } else {
        if (this.text.charCodeAt(this.at) !== QUOTE) throw this.unexpected();
        const name = this.take(this.endOfValue(this.at, this.text.length) ?? this.text.length) as string;
        this.skipSpace();
        if (this.text.charCodeAt(this.at) !== COLON) throw this.unexpected();
        this.at++;
        setField(object, name, yield* this.value());
      }
      if (this.closes(CLOSE_OBJECT)) return object;
      yield;
    }
  }

  /** Passes the beginning of a container, and its end where nothing is between. */
  private opensEmpty(closing: number): boolean {
    this.at++;
    this.skipSpace();
    if (this.text.charCodeAt(this.at) !== closing) return false;
    this.at++;
    return true;
  }

  /** Passes a comma (false) or the end of the container (true). */
  private closes(closing: number): boolean {
    this.skipSpace();
    const code = this.text.charCodeAt(this.at);
    if (code !== COMMA && code !== closing) throw this.unexpected();
    this.at++;
    return code === closing;
  }

  /** Where the items or fields from here on end that fit into one stretch, all of them whole; here where the first does not. */
  private endOfRun(): number {
    const limit = this.at + this.stretch;
    let end = this.at;
    let depth = 0;
    for (let i = this.at; i < this.text.length && i < limit; i++) {
      const code = this.text.charCodeAt(i);
      if (code === QUOTE) {
        const close = this.endOfString(i, limit);
        if (close === undefined) return end;
        i = close - 1;
      } else if (code === OPEN_LIST || code === OPEN_OBJECT) depth++;
      else if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
        if (depth-- === 0) return i;
      } else if (code === COMMA && depth === 0) end = i;
    }
    return end;
  }

  /** After the value that begins at `start`; undefined where it is not over before `limit`. What is not JSON ends anywhere. */
  private endOfValue(start: number, limit: number): number | undefined {
    const first = this.text.charCodeAt(start);
    if (first === QUOTE) return this.endOfString(start, limit);
    const isContainer = first === OPEN_LIST || first === OPEN_OBJECT;
    let depth = 0;
    for (let i = start; i < this.text.length && i < limit; i++) {
      const code = this.text.charCodeAt(i);
      if (code === QUOTE && isContainer) {
        const close = this.endOfString(i, limit);
        if (close === undefined) return undefined;
        i = close - 1;
      } else if (code === OPEN_LIST || code === OPEN_OBJECT) depth++;
      else if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
        if (!isContainer) return i;
        if (--depth === 0) return i + 1;
      } else if (!isContainer && (code === COMMA || isSpace(code))) return i;
    }
    return limit >= this.text.length ? this.text.length : undefined;
  }

  private endOfString(start: number, limit: number): number | undefined {
    for (let i = start + 1; i < this.text.length && i < limit; i++) {
      const code = this.text.charCodeAt(i);
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) return i + 1;
    }
    return undefined;
  }

  private take(end: number): unknown {
    const value = this.parse(this.text.slice(this.at, end));
    this.at = end;
    return value;
  }

  private parse(part: string): unknown {
    try {
      return JSON.parse(part);
    } catch {
      throw new SyntaxError(`Unexpected text in JSON after position ${this.at}`);
    }
  }
}

/** As `JSON.parse` does: the last of equal names, and `__proto__` is a name like any other. */
function setField(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  else object[name] = value;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
