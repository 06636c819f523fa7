/** JSON that comes from files: errors name the file, the line and the column, and keys may be required to be unique. */
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';

/** A value that `JSON.stringify` keeps whole. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export interface JsonOptions {
  /** Refuse objects that have a key twice; costs a second pass over the text. */
  readonly uniqueKeys?: boolean;
  /** Where the JSON begins in its file, for errors. */
  readonly baseOffset?: number;
  /** What to do about text that is not JSON; default: fetch the file again. */
  readonly hint?: string;
}

interface JsonProblem {
  /** In UTF-16 units. */
  readonly index: number;
  readonly expected: string;
  readonly found: string;
}

const MAX_DEPTH = 128;

/** Decode and parse. Throws `FormatError` (`invalid-json`, `invalid-utf8`). `subject` reads like "config.json". */
export function parseJson(bytes: Uint8Array, subject: string, options: JsonOptions = {}): unknown {
  return parseJsonText(decodeText(bytes, subject), subject, options);
}

/** UTF-8 text of a file, less a byte order mark. Throws `FormatError` (`invalid-utf8`). */
export function decodeText(bytes: Uint8Array, subject: string): string {
  return decodePart(bytes, subject, 0);
}

/**
 * The text of a file that is read in parts, less a byte order mark, and of no more than `maxBytes`, which may cut off a
 * character. Throws `FormatError` (`invalid-utf8`).
 */
export async function* decodeParts(
  parts: AsyncIterable<Uint8Array>,
  subject: string,
  maxBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<string> {
  let held = new Uint8Array(0);
  let offset = 0;
  for await (const part of parts) {
    const bytes = new Uint8Array(held.length + part.length);
    bytes.set(held);
    bytes.set(part, held.length);
    const read = bytes.subarray(0, maxBytes - offset);
    const end = lastWhole(read);
    yield decodePart(read.subarray(0, end), subject, offset);
    if (offset + read.length >= maxBytes) return;
    offset += end;
    held = read.slice(end);
  }
  yield decodePart(held, subject, offset);
}

/** Where a character begins whose end is in the next part; the end where there is none. */
function lastWhole(bytes: Uint8Array): number {
  for (let at = bytes.length - 1; at >= Math.max(0, bytes.length - 3); at--) {
    const byte = bytes[at];
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return at + size > bytes.length ? at : bytes.length;
  }
  return bytes.length;
}

function decodePart(bytes: Uint8Array, subject: string, start: number): string {
  try {
    // A mark is one at the beginning of a file; elsewhere it is a character.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: start > 0 }).decode(bytes);
  } catch (cause) {
    // Decoding with replacement and encoding again agrees with the file up to the first wrong byte.
    const again = new TextEncoder().encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
    const firstWrong = bytes.findIndex((byte, i) => byte !== again[i]);
    const at = firstWrong < 0 ? bytes.length : firstWrong;
    throw new FormatError(`Cannot read ${subject}: it is not UTF-8 text at byte ${formatCount(start + at)}`, {
      code: 'invalid-utf8',
      hint: 'the file is damaged or in another encoding; fetch it again, or convert it, for example with iconv',
      offset: start + at,
      expected: 'UTF-8 text',
      found: firstWrong < 0 ? 'the end of the file' : `the byte ${bytes[at].toString(16).padStart(2, '0')}`,
      cause,
    });
  }
}

function parseJsonText(
  text: string,
  subject: string,
  {
    uniqueKeys = false,
    baseOffset = 0,
    hint = 'the file is damaged or was edited by hand; fetch it again',
  }: JsonOptions,
): unknown {
  let value: unknown;
  let problem: JsonProblem | undefined;
  try {
    value = JSON.parse(text);
    if (uniqueKeys) problem = findJsonProblem(text);
  } catch {
    // The engine's own message differs between releases and has no position for some errors.
    problem = findJsonProblem(text) ?? { index: 0, expected: 'JSON', found: 'something else' };
  }
  if (!problem) return value;
  const { index, expected, found } = problem;
  const before = text.slice(0, index);
  const line = before.split('\n').length;
  const column = index - before.lastIndexOf('\n');
  throw new FormatError(
    `Cannot read ${subject}: expected ${expected} at line ${formatCount(line)}, column ${formatCount(column)}, found ${found}`,
    {
      code: 'invalid-json',
      hint,
      offset: baseOffset + new TextEncoder().encode(before).length,
      expected,
      found,
    },
  );
}

/** The first place where the text is not JSON, or has a key twice. */
function findJsonProblem(text: string): JsonProblem | undefined {
  try {
    new JsonScanner(text).scan();
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

class Problem implements JsonProblem {
  readonly index: number;
  readonly expected: string;
  readonly found: string;

  constructor(index: number, expected: string, found: string) {
    this.index = index;
    this.expected = expected;
    this.found = found;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

/** Walks over JSON text without building values. Source: RFC 8259. */
class JsonScanner {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  scan(): void {
    this.value(0);
    if (this.at < this.text.length) throw this.problem('the end of the file');
  }

  private value(depth: number): void {
    if (depth > MAX_DEPTH) throw this.problem(`at most ${MAX_DEPTH} levels of nesting`);
    this.space();
    const letter = this.text[this.at];
    if (letter === '{') this.object(depth);
    else if (letter === '[') this.array(depth);
    else if (letter === '"') this.string();
    else if (!this.match(NUMBER) && !this.match(WORD)) throw this.problem('a value');
    this.space();
  }

  private object(depth: number): void {
    const keys = new Set<string>();
    this.at++;
    this.space();
    if (this.skip('}')) return;
    do {
      this.space();
      const start = this.at;
      if (this.text[start] !== '"') throw this.problem('a key in double quotes');
      this.string();
      // Parsed, because "\u0061" and "a" are the same key.
      const key = JSON.parse(this.text.slice(start, this.at)) as string;
      if (keys.has(key)) throw new Problem(start, 'each key once', `"${key}" again`);
      keys.add(key);
      this.space();
      if (!this.skip(':')) throw this.problem('":"');
      this.value(depth + 1);
    } while (this.skip(','));
    if (!this.skip('}')) throw this.problem('"," or "}"');
  }

  private array(depth: number): void {
    this.at++;
    this.space();
    if (this.skip(']')) return;
    do this.value(depth + 1);
    while (this.skip(','));
    if (!this.skip(']')) throw this.problem('"," or "]"');
  }

  private string(): void {
    this.at++;
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code === 0x22) break;
      if (code === 0x5c) {
        if (!this.match(ESCAPE)) throw this.problem('an escape such as \\n or \\u0041');
      } else if (code >= 0x20) this.at++;
      else throw this.problem('the rest of a string');
    }
    this.at++;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at++;
    }
  }

  private skip(letter: string): boolean {
    if (this.text[this.at] !== letter) return false;
    this.at++;
    return true;
  }

  private match(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private problem(expected: string): Problem {
    const code = this.text.codePointAt(this.at);
    if (code === undefined) return new Problem(this.at, expected, 'the end of the file');
    const visible = code < 0x20 ? `control character ${code}` : `"${String.fromCodePoint(code)}"`;
    return new Problem(this.at, expected, visible);
  }
}
