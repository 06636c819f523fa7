/** Cutting text into the pieces that byte-pair merging works on; no token crosses the border of two pieces. */
import { UnsupportedError } from '../core/errors.ts';
import { compilePattern } from './pre-tokenizer-pattern.ts';
import { scanPiece } from './pre-tokenizer-scanner.ts';
import { isolate, LLAMA3_PATTERN, QWEN2_PATTERN, type SplitBehavior, type SplitStep } from './split-step.ts';

export interface PreTokenizer {
  readonly steps: readonly SplitStep[];
  /** Where the piece that begins at `start` ends; `start` is a border and lies before the end of `text`. */
  pieceEnd(text: string, start: number): number;
}

/** Throws `UnsupportedError` for patterns whose meaning in JavaScript we can't vouch for. */
export function createPreTokenizer(steps: readonly SplitStep[]): PreTokenizer {
  const cutters = steps.map(createCutter);
  const pieceEnd = cutters.reduce<PieceEnd>(
    (outer, inner) => (outer === wholeText ? inner : nested(outer, inner)),
    wholeText,
  );
  return { steps, pieceEnd };
}

/** dots.llm1's pre-tokenizer, which is Qwen2's. */
export const QWEN2: PreTokenizer = createPreTokenizer([isolate(QWEN2_PATTERN)]);

type PieceEnd = PreTokenizer['pieceEnd'];

function wholeText(text: string): number {
  return text.length;
}

function createCutter({ pattern, behavior }: SplitStep): PieceEnd {
  // These are most models', and a scanner is several times as fast as a regular expression.
  if (behavior === 'Isolated' && pattern === QWEN2_PATTERN) return (text, start) => scanPiece(text, start, 1);
  if (behavior === 'Isolated' && pattern === LLAMA3_PATTERN)
    return (text, start) => scanPiece(text, start, 3);
  return new MatchCutter(pattern, behavior).pieceEnd;
}

/** `inner` cuts the pieces of `outer`. */
function nested(outer: PieceEnd, inner: PieceEnd): PieceEnd {
  let whole: string | undefined;
  let piece = '';
  let pieceStart = 0;
  return (text, start) => {
    if (text !== whole || start < pieceStart || start >= pieceStart + piece.length) {
      whole = text;
      piece = text.slice(start, outer(text, start));
      pieceStart = start;
    }
    return pieceStart + inner(piece, start - pieceStart);
  };
}

/** Cuts at the borders of a regular expression's matches. */
class MatchCutter {
  private readonly regex: RegExp;
  private readonly behavior: SplitBehavior;
  /** The first match at or after `searchedFrom` of `text`. */
  private match: RegExpExecArray | null = null;
  private text: string | undefined;
  private searchedFrom = 0;

  constructor(pattern: string, behavior: SplitBehavior) {
    this.behavior = behavior;
    this.regex = compilePattern(pattern);
    if (!this.regex.test('')) return;
    throw new UnsupportedError(`Cannot use the pre-tokenizer pattern ${pattern}: it matches empty text`, {
      code: 'unsupported-pre-tokenizer',
      hint: 'convert the model with a pre-tokenizer of the GPT-2, Llama 3 or Qwen2 family',
    });
  }

  readonly pieceEnd = (text: string, start: number): number => {
    const isMatch = this.isMatch(text, start);
    let end = this.segmentEnd(text, start);
    switch (this.behavior) {
      case 'Isolated':
        return end;
      case 'Contiguous':
        while (end < text.length && this.isMatch(text, end) === isMatch) end = this.segmentEnd(text, end);
        return end;
      case 'MergedWithPrevious':
        // Of several matches in a row only the first has text before it to join.
        return end < text.length && !isMatch ? this.segmentEnd(text, end) : end;
      case 'MergedWithNext':
        return end < text.length && isMatch && !this.isMatch(text, end) ? this.segmentEnd(text, end) : end;
    }
  };

  /** Segments are matches and what lies between two of them. */
  private segmentEnd(text: string, start: number): number {
    const match = this.find(text, start);
    if (!match) return text.length;
    return match.index > start ? match.index : start + match[0].length;
  }

  private isMatch(text: string, start: number): boolean {
    return this.find(text, start)?.index === start;
  }

  private find(text: string, start: number): RegExpExecArray | null {
    const { match } = this;
    if (text === this.text && this.searchedFrom <= start && (!match || !isPast(match, start))) return match;
    this.text = text;
    this.searchedFrom = start;
    this.regex.lastIndex = start;
    this.match = this.regex.exec(text);
    if (this.match && isPast(this.match, start)) {
      this.regex.lastIndex = start + (text.codePointAt(start)! > 0xffff ? 2 : 1);
      this.match = this.regex.exec(text);
    }
    return this.match;
  }
}

/** A lookahead alone marks a border without taking a character, and there is a border at `start` already. */
function isPast(match: RegExpExecArray, start: number): boolean {
  return match.index < start || (match.index === start && match[0] === '');
}
