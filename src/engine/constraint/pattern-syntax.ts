/**
 * Regular expressions of JavaScript with the flag `u`, as JSON Schema means them, without what no finite automaton can do
 * or is not needed here: look-behind, back-references, word borders. Schemas often have
 * patterns that were written for other languages: where they can mean only one thing, it is understood (`\-`, `\A`, `(?P<name>…)`).
 */
import { UsageError } from '../../core/errors.ts';
import { type CodeSet, complement, unite } from './code-points.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { propertyCodes } from './unicode-properties.ts';

export type Pattern =
  | { readonly kind: 'codes'; readonly set: CodeSet }
  | { readonly kind: 'sequence'; readonly items: readonly Pattern[] }
  | { readonly kind: 'choice'; readonly items: readonly Pattern[] }
  | { readonly kind: 'repeat'; readonly item: Pattern; readonly min: number; readonly max: number }
  /** `^` and `$`: only at the ends of a text. */
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  /** `(?=…)` and `(?!…)`: what the rest of the text begins with, or must not. */
  | { readonly kind: 'look'; readonly item: Pattern; readonly isNegative: boolean };

const DIGITS: CodeSet = [[0x30, 0x39]];
const WORD: CodeSet = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACES: CodeSet = [
  [9, 13],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: CodeSet = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
];
const CLASSES: Readonly<Record<string, CodeSet>> = {
  d: DIGITS,
  D: complement(DIGITS),
  w: WORD,
  W: complement(WORD),
  s: SPACES,
  S: complement(SPACES),
};
const CONTROL_ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };
const MAX_NESTING = 64;
/** Each is an automaton of its own. */
const MAX_LOOKS = 8;
const COUNT = /^\{(\d{1,6})(,(\d{1,6})?)?\}/;

/** Throws `UsageError`, code `unsupported-pattern`, saying what and where. */
export function parsePattern(text: string): Pattern {
  if (text.length > LIMITS.patternBytes) throw tooLarge('characters of a pattern', LIMITS.patternBytes);
  return new PatternParser(text).parse();
}

class PatternParser {
  private readonly text: string;
  private readonly characters: readonly string[];
  private at = 0;
  private depth = 0;
  private numLooks = 0;

  constructor(text: string) {
    this.text = text;
    this.characters = Array.from(text);
  }

  parse(): Pattern {
    const pattern = this.parseChoice();
    if (this.at < this.characters.length) throw this.fault(`"${this.characters[this.at]}" closes nothing`);
    return pattern;
  }

  private get next(): string | undefined {
    return this.characters[this.at];
  }

  private take(text: string): boolean {
    const characters = Array.from(text);
    if (!characters.every((character, i) => this.characters[this.at + i] === character)) return false;
    this.at += characters.length;
    return true;
  }

  private parseChoice(): Pattern {
    if (++this.depth > MAX_NESTING) throw this.fault(`groups are nested more than ${MAX_NESTING} deep`);
    const items = [this.parseSequence()];
    while (this.take('|')) items.push(this.parseSequence());
    this.depth--;
    return items.length === 1 ? items[0] : { kind: 'choice', items };
  }

  private parseSequence(): Pattern {
    const items: Pattern[] = [];
    while (this.next !== undefined && this.next !== '|' && this.next !== ')') {
      const item = this.parseRepeated();
      // A group of items in a row is these items; a look-ahead in it then sees what follows the group.
      if (item.kind === 'sequence') items.push(...item.items);
      else items.push(item);
    }
    return items.length === 1 ? items[0] : { kind: 'sequence', items };
  }

  private parseRepeated(): Pattern {
    const item = this.parseItem();
    const bounds = this.parseBounds();
    if (!bounds) return item;
    if (item.kind === 'start' || item.kind === 'end' || item.kind === 'look')
      throw this.fault('nothing to repeat');
    // Lazy and greedy match the same texts.
    this.take('?');
    if (this.next !== undefined && '*+?'.includes(this.next)) throw this.fault('nothing to repeat');
    return { kind: 'repeat', item, ...bounds };
  }

  private parseBounds(): { min: number; max: number } | undefined {
    if (this.take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.take('?')) return { min: 0, max: 1 };
    const match = COUNT.exec(this.characters.slice(this.at, this.at + 20).join(''));
    if (!match) return undefined;
    this.at += match[0].length;
    const min = Number(match[1]);
    const max =
      match[3] !== undefined ? Number(match[3]) : match[2] !== undefined ? Number.POSITIVE_INFINITY : min;
    if (max < min) throw this.fault('the bounds of a count are the wrong way round');
    return { min, max };
  }

  private parseItem(): Pattern {
    const character = this.next as string;
    if (character === '(' && this.characters[this.at + 1] === '?') return this.parseSpecialGroup();
    this.at++;
    switch (character) {
      case '(':
        return this.parseGroup();
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '.':
        return { kind: 'codes', set: complement(LINE_ENDS) };
      case '[':
        return { kind: 'codes', set: this.parseClass() };
      case '\\':
        if (this.take('A')) return { kind: 'start' };
        if (this.take('Z') || this.take('z')) return { kind: 'end' };
        return { kind: 'codes', set: this.parseEscape(false) };
      case '*':
      case '+':
      case '?':
        throw this.fault('nothing to repeat');
      case '{':
        // A brace that counts nothing stands for itself, as in languages other than JavaScript; so do the closing ones.
        if (COUNT.test(this.characters.slice(this.at - 1, this.at + 20).join('')))
          throw this.fault('nothing to repeat');
    }
    return { kind: 'codes', set: single(character.codePointAt(0) as number) };
  }

  private parseSpecialGroup(): Pattern {
    if (this.take('(?:')) return this.parseGroup();
    const name = /^\(\?P?<[\p{L}_$][\p{L}\p{N}_$]*>/u.exec(
      this.characters.slice(this.at, this.at + 100).join(''),
    );
    if (name) {
      this.take(name[0]);
      return this.parseGroup();
    }
    const isNegative = this.take('(?!');
    if (!isNegative && !this.take('(?=')) throw this.fault('look-behind is not supported');
    if (++this.numLooks > MAX_LOOKS) throw this.fault(`there are more than ${MAX_LOOKS} look-aheads`);
    return { kind: 'look', item: this.parseGroup(), isNegative };
  }

  private parseGroup(): Pattern {
    const inner = this.parseChoice();
    if (!this.take(')')) throw this.fault('a group is not closed');
    return inner;
  }

  private parseClass(): CodeSet {
    const isNegated = this.take('^');
    const sets: CodeSet[] = [];
    while (!this.take(']')) {
      const low = this.parseClassItem();
      const isRange =
        this.next === '-' && this.characters[this.at + 1] !== ']' && this.characters[this.at + 1];
      if (!isRange) {
        sets.push(low);
        continue;
      }
      this.at++;
      const high = this.parseClassItem();
      if (!isSingle(low) || !isSingle(high) || high[0][0] < low[0][0])
        throw this.fault('a range makes no sense');
      sets.push([[low[0][0], high[0][0]]]);
    }
    const set = unite(sets);
    return isNegated ? complement(set) : set;
  }

  private parseClassItem(): CodeSet {
    const character = this.next;
    if (character === undefined) throw this.fault('a class is not closed');
    this.at++;
    return character === '\\' ? this.parseEscape(true) : single(character.codePointAt(0) as number);
  }

  private parseEscape(inClass: boolean): CodeSet {
    const character = this.next;
    if (character === undefined) throw this.fault('it ends with "\\"');
    this.at++;
    const set = CLASSES[character];
    if (set) return set;
    if (character === 'x') return single(this.parseHex(2));
    if (character === 'u') return single(this.parseUnicode());
    if (character === 'p' || character === 'P') return this.parseProperty(character === 'P');
    if (character === 'c' && /^[a-z]$/i.test(this.next ?? ''))
      return single((this.characters[this.at++].codePointAt(0) as number) & 31);
    if (inClass && character === 'b') return single(8);
    const control = CONTROL_ESCAPES[character];
    if (control !== undefined && !(character === '0' && /^\d$/.test(this.next ?? ''))) return single(control);
    // Of ASCII, what is neither a letter nor a digit stands for itself.
    if (/^[ -/:-@[-`{-~]$/.test(character)) return single(character.codePointAt(0) as number);
    throw this.fault(`"\\${character}" is not supported`);
  }

  private parseProperty(isNegated: boolean): CodeSet {
    const end = this.characters.indexOf('}', this.at);
    const name = this.next === '{' ? this.characters.slice(this.at + 1, Math.max(end, this.at)).join('') : '';
    const set = propertyCodes(name);
    if (!set) throw this.fault(`there is no Unicode property "${name}"`);
    this.at = end + 1;
    return isNegated ? complement(set) : set;
  }

  private parseHex(length: number): number {
    const digits = this.characters.slice(this.at, this.at + length).join('');
    if (digits.length !== length || !/^[0-9a-f]+$/i.test(digits))
      throw this.fault('an escape lacks its digits');
    this.at += length;
    return Number.parseInt(digits, 16);
  }

  private parseUnicode(): number {
    if (this.take('{')) {
      const end = this.characters.indexOf('}', this.at);
      const digits = this.characters.slice(this.at, Math.max(end, this.at)).join('');
      if (!/^[0-9a-f]{1,6}$/i.test(digits) || Number.parseInt(digits, 16) > 0x10ffff)
        throw this.fault('an escape lacks its digits');
      this.at = end + 1;
      return Number.parseInt(digits, 16);
    }
    const code = this.parseHex(4);
    if (code < 0xd800 || code > 0xdbff || !this.take('\\u')) return code;
    const low = this.parseHex(4);
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }

  private fault(what: string): UsageError {
    return new UsageError(`Cannot use the pattern ${JSON.stringify(shorten(this.text))}: ${what}`, {
      code: 'unsupported-pattern',
      hint: 'literals, classes, groups, alternatives, counts, ^, $ and look-ahead are supported',
    });
  }
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function single(code: number): CodeSet {
  return [[code, code]];
}

function isSingle(set: CodeSet): boolean {
  return set.length === 1 && set[0][0] === set[0][1];
}
