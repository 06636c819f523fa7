/** Grammars as llama.cpp writes them (GBNF): `root ::= "yes" | [0-9]+ rest`. */
import { UsageError } from '../../core/errors.ts';
import { type CodeSet, complement, unite, utf8 } from './code-points.ts';
import { byte, choice, type Grammar, literal, Rule, repeat, sequence } from './grammar.ts';
import { leftRecursiveRule } from './left-recursion.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { TOKEN_NAME, type TokenTexts } from './token-texts.ts';

const MAX_NESTING = 64;
const MAX_COUNT = 100_000;
const NAME = /[A-Za-z0-9_-]+/y;
/** White space and comments within a line, and across lines. */
const BLANK = /(?:[ \t]|#[^\n\r]*)*/y;
const BLANK_LINES = /(?:[ \t\n\r]|#[^\n\r]*)*/y;
const COUNT = /\{\s*(\d{1,6})\s*(,\s*(\d{1,6})?\s*)?\}/y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * The text of a grammar -> what its rule `root` matches. Throws `UsageError`, code `bad-grammar`, with the line, also for rules
 * that begin with themselves. Tokens by name (`<[65]>`) mean the bytes of that token, however the model writes them.
 */
export function gbnfGrammar(text: string, tokens: TokenTexts): Grammar {
  if (text.length > LIMITS.patternBytes) throw tooLarge('characters of a grammar', LIMITS.patternBytes);
  return new GbnfParser(text, tokens).parse();
}

class GbnfParser {
  private readonly text: string;
  private readonly tokens: TokenTexts;
  private readonly rules = new Map<string, Rule>();
  private readonly defined = new Set<string>();
  private readonly firstUse = new Map<string, number>();
  private at = 0;
  private depth = 0;

  constructor(text: string, tokens: TokenTexts) {
    this.text = text;
    this.tokens = tokens;
  }

  parse(): Grammar {
    this.match(BLANK_LINES);
    while (this.at < this.text.length) {
      this.parseRule();
      this.match(BLANK_LINES);
    }
    for (const [name, at] of this.firstUse) {
      if (!this.defined.has(name)) throw this.fault(`there is no rule "${name}"`, at);
    }
    const root = this.rules.get('root');
    if (!root || !this.defined.has('root')) throw this.fault('there is no rule "root"');
    const looping = leftRecursiveRule(this.rules.values());
    if (looping) {
      const name = [...this.rules.keys()].find((key) => this.rules.get(key) === looping);
      throw this.fault(`rule "${name}" is left-recursive; write it as a repetition`);
    }
    return { kind: 'rule', rule: root };
  }

  private parseRule(): void {
    const name = this.match(NAME);
    if (!name) throw this.fault('expected the name of a rule');
    this.match(BLANK);
    if (!this.take('::=')) throw this.fault('expected "::="');
    if (this.defined.has(name)) throw this.fault(`rule "${name}" is there already`);
    this.defined.add(name);
    this.match(BLANK_LINES);
    this.ruleOf(name).body = this.parseChoice(false);
    if (this.at < this.text.length && !/[\n\r]/.test(this.text[this.at]))
      throw this.fault('expected the end of the line');
  }

  private ruleOf(name: string): Rule {
    const rule = this.rules.get(name) ?? new Rule();
    if (this.rules.size >= LIMITS.rules) throw tooLarge('rules of a grammar', LIMITS.rules);
    this.rules.set(name, rule);
    return rule;
  }

  /** `isInside`: within brackets a rule continues over the ends of lines. */
  private parseChoice(isInside: boolean): Grammar {
    if (++this.depth > MAX_NESTING) throw this.fault(`groups are nested more than ${MAX_NESTING} deep`);
    const items = [this.parseSequence(isInside)];
    while (this.takeBar()) {
      this.match(BLANK_LINES);
      items.push(this.parseSequence(isInside));
    }
    this.depth--;
    return choice(...items);
  }

  /** Alternatives may also begin on lines of their own. */
  private takeBar(): boolean {
    const before = this.at;
    this.match(BLANK_LINES);
    if (this.take('|')) return true;
    this.at = before;
    return false;
  }

  private parseSequence(isInside: boolean): Grammar {
    const blank = isInside ? BLANK_LINES : BLANK;
    const items: Grammar[] = [];
    for (let item = this.parseItem(); item; item = this.parseItem()) {
      items.push(this.parseRepeats(item));
      this.match(blank);
    }
    this.match(blank);
    return sequence(...items);
  }

  private parseRepeats(item: Grammar): Grammar {
    if (this.take('*')) return this.parseRepeats(repeat(item, 0));
    if (this.take('+')) return this.parseRepeats(repeat(item, 1));
    if (this.take('?')) return this.parseRepeats(repeat(item, 0, 1));
    if (this.text[this.at] !== '{') return item;
    COUNT.lastIndex = this.at;
    const match = COUNT.exec(this.text);
    if (!match) throw this.fault('"{" is not followed by a count');
    this.at = COUNT.lastIndex;
    const min = Number(match[1]);
    const max =
      match[3] !== undefined ? Number(match[3]) : match[2] !== undefined ? Number.POSITIVE_INFINITY : min;
    if (max < min || min > MAX_COUNT)
      throw this.fault('the bounds of a count are the wrong way round or too large');
    return this.parseRepeats(repeat(item, min, max));
  }

  /** Undefined where no item begins. */
  private parseItem(): Grammar | undefined {
    const character = this.text[this.at];
    if (character === '"') return this.parseLiteral();
    if (character === '[') return this.parseClass();
    if (character === '<' || character === '!') return this.parseToken();
    if (this.take('.')) return utf8(complement([]));
    if (this.take('(')) {
      this.match(BLANK_LINES);
      const inner = this.parseChoice(true);
      if (!this.take(')')) throw this.fault('a group is not closed');
      return inner;
    }
    const start = this.at;
    const name = this.match(NAME);
    if (!name) return undefined;
    // The name of the next rule, at the beginning of a line, is not an item of this one.
    const end = this.at;
    this.match(BLANK);
    if (this.text.startsWith('::=', this.at)) {
      this.at = start;
      return undefined;
    }
    this.at = end;
    if (!this.firstUse.has(name)) this.firstUse.set(name, start);
    return { kind: 'rule', rule: this.ruleOf(name) };
  }

  private parseLiteral(): Grammar {
    this.at++;
    let text = '';
    while (!this.take('"')) text += this.parseCharacter('a text is not closed');
    return literal(text);
  }

  private parseToken(): Grammar {
    const start = this.at;
    TOKEN_NAME.lastIndex = start;
    const match = TOKEN_NAME.exec(this.text);
    if (!match) throw this.fault('expected a token, <[id]> or <text>');
    if (match[0].startsWith('!'))
      throw this.fault('"any token but one" is not supported; use a class of characters');
    const text = this.tokens(match[0]);
    if ('fault' in text) throw this.fault(text.fault);
    this.at = start + match[0].length;
    return sequence(...text.bytes.map((value) => byte(value)));
  }

  private parseClass(): Grammar {
    this.at++;
    const isNegated = this.take('^');
    const sets: CodeSet[] = [];
    while (!this.take(']')) {
      const low = this.parseCharacter('a class is not closed').codePointAt(0) as number;
      let high = low;
      if (this.text[this.at] === '-' && this.text[this.at + 1] !== ']') {
        this.at++;
        high = this.parseCharacter('a class is not closed').codePointAt(0) as number;
      }
      if (high < low) throw this.fault('a range makes no sense');
      sets.push([[low, high]]);
    }
    const set = unite(sets);
    return utf8(isNegated ? complement(set) : set);
  }

  private parseCharacter(ifNone: string): string {
    const code = this.text.codePointAt(this.at);
    if (code === undefined || code === 10) throw this.fault(ifNone);
    const character = String.fromCodePoint(code);
    this.at += character.length;
    if (character !== '\\') return character;
    const kind = this.text[this.at++];
    const length = { x: 2, u: 4, U: 8 }[kind];
    if (length !== undefined) {
      const digits = this.text.slice(this.at, this.at + length);
      const value = Number.parseInt(digits, 16);
      if (!/^[0-9a-f]+$/i.test(digits) || digits.length !== length || value > 0x10ffff)
        throw this.fault('an escape lacks its digits');
      this.at += length;
      return String.fromCodePoint(value);
    }
    if (ESCAPES[kind] !== undefined) return ESCAPES[kind];
    if (kind !== undefined && /[\\"'[\]^-]/.test(kind)) return kind;
    throw this.fault(`"\\${kind ?? ''}" is not an escape`);
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  private take(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  private fault(what: string, at = this.at): UsageError {
    const line = this.text.slice(0, at).split('\n').length;
    return new UsageError(`Cannot use the grammar, line ${line}: ${what}`, {
      code: 'bad-grammar',
      hint: 'rules look like: name ::= "text" [a-z]+ ( other | "x" )*',
    });
  }
}
