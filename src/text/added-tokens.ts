/** Tokens that are found in the text before it is cut into pieces: control tokens and user-defined ones. */

/** How a token is looked for, where a file asks for more than its text. */
export interface AddedTokenRules {
  /** White space before it, or after it, belongs to it. */
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  /** Not where a letter, digit or underscore touches it. */
  readonly singleWord?: boolean;
  /** Look in the normalised text instead of the raw one. */
  readonly normalized?: boolean;
}

export interface AddedToken extends AddedTokenRules {
  readonly id: number;
  readonly text: string;
  /** Control tokens are matched only where the caller allows them; the others everywhere. */
  readonly control: boolean;
}

export interface AddedTokenMatch {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** May a control token be recognised in `[start, end)` of the text? */
export type ControlAllowed = (start: number, end: number) => boolean;

export class AddedTokenMatcher {
  private readonly tokens: ReadonlyMap<string, AddedToken>;
  private readonly all: RegExp | undefined;
  private readonly uncontrolled: RegExp | undefined;

  constructor(tokens: readonly AddedToken[]) {
    this.tokens = new Map(tokens.map((token) => [token.text, token]));
    this.all = alternatives(tokens.map((token) => token.text));
    this.uncontrolled = alternatives(tokens.filter((token) => !token.control).map((token) => token.text));
  }

  get isEmpty(): boolean {
    return this.tokens.size === 0;
  }

  /** The leftmost match at or after `from`, the longest of those that begin there. */
  find(text: string, from: number, controlAllowed: ControlAllowed | undefined): AddedTokenMatch | undefined {
    for (let at = from; ; ) {
      const found = this.findText(text, at, controlAllowed);
      if (!found) return undefined;
      const end = found.start + found.token.text.length;
      if (!found.token.singleWord || isAlone(text, found.start, end)) {
        const { id, lstrip, rstrip } = found.token;
        return {
          id,
          start: lstrip ? spaceStart(text, from, found.start) : found.start,
          end: rstrip ? spaceEnd(text, end) : end,
        };
      }
      at = end;
    }
  }

  private findText(
    text: string,
    from: number,
    controlAllowed: ControlAllowed | undefined,
  ): { token: AddedToken; start: number } | undefined {
    const regex = controlAllowed ? this.all : this.uncontrolled;
    if (!regex) return undefined;
    for (let at = from; ; at++) {
      regex.lastIndex = at;
      const match = regex.exec(text);
      if (!match) return undefined;
      at = match.index;
      const token = this.tokens.get(match[0])!;
      if (!controlAllowed || !token.control || controlAllowed(at, at + token.text.length))
        return { token, start: at };
      // A control token where none is allowed is text; a user-defined token may still begin at the same place.
      if (!this.uncontrolled) continue;
      this.uncontrolled.lastIndex = at;
      const other = this.uncontrolled.exec(text);
      if (other?.index === at) return { token: this.tokens.get(other[0])!, start: at };
    }
  }
}

/** Alternatives of a regular expression are tried in order, so the longest comes first. */
function alternatives(texts: readonly string[]): RegExp | undefined {
  if (texts.length === 0) return undefined;
  const escaped = [...texts]
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(escaped.join('|'), 'g');
}

const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const WORD_AT_END = new RegExp(`${WORD}$`, 'u');
const WORD_AT_START = new RegExp(`^${WORD}`, 'u');

function isAlone(text: string, start: number, end: number): boolean {
  // Two units hold one character whole.
  return (
    !WORD_AT_END.test(text.slice(Math.max(0, start - 2), start)) &&
    !WORD_AT_START.test(text.slice(end, end + 2))
  );
}

const WHITE_SPACE = /^\p{White_Space}$/u;

function spaceStart(text: string, from: number, start: number): number {
  let at = start;
  while (at > from && WHITE_SPACE.test(text[at - 1])) at--;
  return at;
}

function spaceEnd(text: string, end: number): number {
  let at = end;
  while (at < text.length && WHITE_SPACE.test(text[at])) at++;
  return at;
}
