/**
 * Pre-tokenizer patterns of `tokenizer.json` are written for Oniguruma. This translates the part of its syntax that
 * tokenizers of this family use, and refuses the rest rather than cut text differently in silence.
 */
import { UnsupportedError } from '../core/errors.ts';
import { CODE_POINT_CLASSES, LETTER, NUMBER } from './unicode-classes.ts';

const GENERAL_CATEGORY = /^(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfon]?)$/;

// Oniguruma folds case by Unicode: these two letters have relatives outside ASCII.
const EXTRA_FOLDS: Readonly<Record<string, string>> = { s: '\\u017f', k: '\\u212a' };
// It also folds ligatures, which are one character for two letters; a pattern where that could show is refused.
const LIGATURE = /ss|ff|fi|fl|st/i;

// Oniguruma counts on Unicode 16 for these, whatever version this JavaScript engine has.
const FROZEN: Readonly<Record<string, number>> = { L: LETTER, N: NUMBER };

/** The JavaScript regular expression (flags `gu`) that matches what `pattern` matches. Throws `UnsupportedError`. */
export function compilePattern(pattern: string): RegExp {
  let source = '';
  let position = 0;
  let ignoreCaseDepth = 0;
  const groups: ('plain' | 'ignore-case')[] = [];

  const refuse = (what: string): UnsupportedError =>
    new UnsupportedError(
      `Cannot use the pre-tokenizer pattern ${pattern}: ${what} at character ${position + 1}`,
      {
        code: 'unsupported-pre-tokenizer',
        hint: 'tokenizers such as those of GPT-2, Llama 3, Qwen and DeepSeek are supported',
      },
    );

  const take = (text: string): boolean => {
    if (!pattern.startsWith(text, position)) return false;
    position += text.length;
    return true;
  };

  // One escape, as the content of a class.
  const escapeSequence = (): string => {
    const property = /^\\([pP])\{(\w+)\}/.exec(pattern.slice(position, position + 32));
    if (property) {
      if (!GENERAL_CATEGORY.test(property[2])) throw refuse(`the property ${property[0]}`);
      position += property[0].length;
      const frozen = FROZEN[property[2]];
      return frozen === undefined ? property[0] : classRanges(frozen, property[1] === 'p');
    }
    const escaped = pattern.slice(position, position + 2);
    if (/^\\[rntf]$/.test(escaped)) {
      position += 2;
      return escaped;
    }
    // Punctuation that is escaped stands for itself, whether it had to be or not.
    if (/^\\[!-/:-@[-`{-~]$/.test(escaped)) {
      position += 2;
      return `\\x${escaped.charCodeAt(1).toString(16)}`;
    }
    // JavaScript's \s has U+FEFF and lacks U+0085, and its \d knows ASCII only.
    if (take('\\s')) return '\\p{White_Space}';
    if (take('\\S')) return '\\P{White_Space}';
    if (take('\\d')) return '\\p{Nd}';
    if (take('\\D')) return '\\P{Nd}';
    throw refuse(`the escape ${escaped}`);
  };

  const characterClass = (): string => {
    let result = take('[^') ? '[^' : '[';
    if (result === '[') take('[');
    for (;;) {
      if (position >= pattern.length) throw refuse('a class that does not end');
      if (take(']')) return `${result}]`;
      if (pattern.startsWith('[', position) || pattern.startsWith('&&', position))
        throw refuse('a class in a class');
      if (pattern[position] === '\\') result += escapeSequence();
      else if (ignoreCaseDepth > 0) throw refuse('a class without regard to case');
      else {
        const char = String.fromCodePoint(pattern.codePointAt(position)!);
        result += /[()|{}/]/.test(char) ? `\\${char}` : char;
        position += char.length;
      }
    }
  };

  const literal = (): string => {
    const char = String.fromCodePoint(pattern.codePointAt(position)!);
    if (/[.^$\]}]/.test(char)) throw refuse(`"${char}"`);
    if (ignoreCaseDepth > 0 && LIGATURE.test(pattern.slice(position, position + 2)))
      throw refuse('a ligature');
    position += char.length;
    if (ignoreCaseDepth === 0 || !/\p{L}/u.test(char)) return char === '/' ? '\\/' : char;
    if (!/[a-z]/i.test(char)) throw refuse(`"${char}" without regard to case`);
    const small = char.toLowerCase();
    return `[${small}${char.toUpperCase()}${EXTRA_FOLDS[small] ?? ''}]`;
  };

  const quantifier = (): string => {
    const match = /^(?:[*+?]|\{\d+(?:,\d*)?\})/.exec(pattern.slice(position));
    if (!match) return '';
    position += match[0].length;
    const lazy = match[0].length === 1 && take('?') ? '?' : '';
    if (/[*+?]/.test(pattern[position] ?? '')) throw refuse('a quantifier of a quantifier');
    return match[0] + lazy;
  };

  while (position < pattern.length) {
    if (take('|')) source += '|';
    else if (take('(?i:')) {
      groups.push('ignore-case');
      ignoreCaseDepth++;
      source += '(?:';
    } else if (take('(?:')) {
      groups.push('plain');
      source += '(?:';
    } else if (pattern.startsWith('(?!', position) || pattern.startsWith('(?=', position)) {
      groups.push('plain');
      source += pattern.slice(position, position + 3);
      position += 3;
    } else if (pattern.startsWith('(?', position))
      throw refuse(`the group ${pattern.slice(position, position + 4)}`);
    else if (take('(')) {
      groups.push('plain');
      source += '(?:';
    } else if (take(')')) {
      const group = groups.pop();
      if (group === undefined) throw refuse('a closing bracket too many');
      if (group === 'ignore-case') ignoreCaseDepth--;
      source += `)${quantifier()}`;
    } else if (pattern[position] === '[') source += characterClass() + quantifier();
    else if (pattern[position] === '\\') source += `[${escapeSequence()}]${quantifier()}`;
    // The end of a line, which comes before its newline.
    else if (take('$')) source += '(?![^\\n])';
    else source += literal() + quantifier();
  }
  if (groups.length > 0) throw refuse('a group that does not end');
  try {
    return new RegExp(source, 'gu');
  } catch (cause) {
    throw new UnsupportedError(`Cannot use the pre-tokenizer pattern ${pattern}: ${String(cause)}`, {
      code: 'unsupported-pre-tokenizer',
      hint: 'tokenizers such as those of GPT-2, Llama 3, Qwen and DeepSeek are supported',
      cause,
    });
  }
}

const knownRanges = new Map<string, string>();

/** The code points of a class, or all others, as they are written in a character class. */
function classRanges(wanted: number, included: boolean): string {
  const key = `${wanted} ${included}`;
  let ranges = knownRanges.get(key) ?? '';
  if (ranges !== '') return ranges;
  const isIn = (code: number): boolean => (CODE_POINT_CLASSES[code] === wanted) === included;
  const end = CODE_POINT_CLASSES.length;
  for (let first = 0; first < end; first++) {
    if (!isIn(first)) continue;
    let last = first;
    while (last + 1 < end && isIn(last + 1)) last++;
    // Whatever lies past the table is in no class.
    ranges += `\\u{${first.toString(16)}}-\\u{${(last + 1 === end && !included ? 0x10ffff : last).toString(16)}}`;
    first = last;
  }
  knownRanges.set(key, ranges);
  return ranges;
}
