/** Tokens that are found in the raw text, before it is cut into pieces: control tokens and user-defined ones. */

export interface AddedToken {
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

  /** The leftmost match at or after `from`, the longest of those that begin there. */
  find(text: string, from: number, controlAllowed: ControlAllowed | undefined): AddedTokenMatch | undefined {
    const regex = controlAllowed ? this.all : this.uncontrolled;
    if (!regex) return undefined;
    for (let at = from; ; at++) {
      regex.lastIndex = at;
      const match = regex.exec(text);
      if (!match) return undefined;
      at = match.index;
      const found = this.matched(match[0], at);
      if (!controlAllowed || !this.tokens.get(match[0])!.control || controlAllowed(at, found.end))
        return found;
      // A control token where none is allowed is text; a user-defined token may still begin at the same place.
      if (!this.uncontrolled) continue;
      this.uncontrolled.lastIndex = at;
      const other = this.uncontrolled.exec(text);
      if (other?.index === at) return this.matched(other[0], at);
    }
  }

  private matched(text: string, start: number): AddedTokenMatch {
    return { id: this.tokens.get(text)!.id, start, end: start + text.length };
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
