/** Cutting text into the pieces that byte-pair merging works on; no token crosses the border of two pieces. */
import { UnsupportedError } from '../core/errors.ts';
import { compilePattern } from './pre-tokenizer-pattern.ts';
import { CODE_POINT_CLASSES, LETTER, NEWLINE, NUMBER, OTHER, SPACE } from './unicode-classes.ts';

export interface PreTokenizer {
  /** The name GGUF files use, or the pattern. */
  readonly name: string;
  /** Where the piece that begins at `start` ends; `start` is a border and lies before the end of `text`. */
  pieceEnd(text: string, start: number): number;
}

const GPT2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** Qwen2's pattern when a piece holds one digit, Llama 3's with three. */
function scannerPattern(maxDigits: 1 | 3): string {
  const number = maxDigits === 1 ? String.raw`\p{N}` : String.raw`\p{N}{1,3}`;
  return (
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${number}| ?[^\s\p{L}\p{N}]+[\r\n]*` +
    String.raw`|\s*[\r\n]+|\s+(?!\S)|\s+`
  );
}

/** This model's pre-tokenizer: a scanner that gives exactly the pieces of Qwen2's regular expression. */
export const QWEN2: PreTokenizer = scanner('qwen2', 1);
const LLAMA3 = scanner('llama3', 3);

/**
 * The pre-tokenizer by its name in GGUF (`tokenizer.ggml.pre`). An unknown or missing name gives Qwen2's and a warning:
 * every dots1 file uses that vocabulary, while GGUF's "default" would cut digits differently.
 */
export function preTokenizerByName(
  name: string | undefined,
  onWarning?: (text: string) => void,
): PreTokenizer {
  switch (name) {
    case 'qwen2':
    case 'deepseek-r1-qwen':
    case 'dots1':
      return QWEN2;
    case 'llama3':
    case 'llama-v3':
    case 'llama-bpe':
      return LLAMA3;
    case 'gpt2':
    case 'gpt-2':
      return regexPreTokenizer(GPT2_PATTERN);
    default:
      onWarning?.(
        `the file ${name === undefined ? 'names no pre-tokenizer' : `names the unknown pre-tokenizer "${name}"`}; using qwen2's`,
      );
      return QWEN2;
  }
}

/**
 * The pre-tokenizer for a pattern of `tokenizer.json`, in Oniguruma's spelling. Throws `UnsupportedError` for syntax whose
 * meaning in JavaScript we can't vouch for.
 */
export function preTokenizerFromPattern(pattern: string): PreTokenizer {
  if (pattern === scannerPattern(1)) return QWEN2;
  if (pattern === scannerPattern(3)) return LLAMA3;
  return regexPreTokenizer(pattern);
}

/** GPT-2's pattern, which a bare `ByteLevel` pre-tokenizer implies. */
export function gpt2PreTokenizer(): PreTokenizer {
  return regexPreTokenizer(GPT2_PATTERN);
}

function regexPreTokenizer(pattern: string): PreTokenizer {
  const regex = compilePattern(pattern);
  if (regex.test('')) {
    throw new UnsupportedError(`Cannot use the pre-tokenizer pattern ${pattern}: it matches empty text`, {
      code: 'unsupported-pre-tokenizer',
      hint: 'convert the model with a pre-tokenizer of the GPT-2, Llama 3 or Qwen2 family',
    });
  }
  let nextText: string | undefined;
  let next: RegExpExecArray | null = null;
  return {
    name: pattern,
    pieceEnd(text, start) {
      // What lies between two matches is a piece of its own ("isolated"), so a match may begin later than asked.
      if (next === null || nextText !== text || next.index < start) {
        regex.lastIndex = start;
        next = regex.exec(text);
        nextText = text;
      }
      if (next === null) return text.length;
      return next.index > start ? next.index : next.index + next[0].length;
    },
  };
}

function scanner(name: string, maxDigits: 1 | 3): PreTokenizer {
  return { name, pieceEnd: (text, start) => scanPiece(text, start, maxDigits) };
}

/**
 * One match of the pattern above. The alternatives are tried in its order; what makes a scan of one pass possible is that
 * the class of the first one or two characters decides between them.
 */
function scanPiece(text: string, start: number, maxDigits: number): number {
  const first = text.charCodeAt(start);
  // Most pieces are one space and a word, or a word: no surrogates, no apostrophe.
  if (first === 0x27) {
    const length = contractionLength(text, start + 1);
    if (length > 0) return start + length;
  }
  let next = start + 1;
  let firstClass = CODE_POINT_CLASSES[first];
  if (isSurrogate(first)) {
    const code = text.codePointAt(start)!;
    firstClass = classOf(code);
    if (code > 0xffff) next++;
  }

  // [^\r\n\p{L}\p{N}]?\p{L}+
  if (firstClass === LETTER) return runEnd(text, next, LETTER);
  if (firstClass !== NUMBER && firstClass !== NEWLINE) {
    const end = runEnd(text, next, LETTER);
    if (end > next) return end;
  }

  // \p{N} or \p{N}{1,3}
  if (firstClass === NUMBER) {
    for (let digits = 1; digits < maxDigits && classAt(text, next) === NUMBER; digits++)
      next += widthAt(text, next);
    return next;
  }

  // ` ?[^\s\p{L}\p{N}]+[\r\n]*`
  if (firstClass === OTHER || first === 0x20) {
    const end = runEnd(text, next, OTHER);
    if (firstClass === OTHER || end > next) return runEnd(text, end, NEWLINE);
  }

  // What is left begins with white space. `\s*[\r\n]+` takes a run up to its last newline, `\s+(?!\S)` leaves the last
  // space to a following word, `\s+` takes that one space if it is all there is.
  let end = start;
  let lastNewline = -1;
  for (; end < text.length; end++) {
    const unitClass = CODE_POINT_CLASSES[text.charCodeAt(end)];
    if (unitClass === NEWLINE) lastNewline = end;
    else if (unitClass !== SPACE) break;
  }
  if (lastNewline >= 0) return lastNewline + 1;
  return end === text.length || end === start + 1 ? end : end - 1;
}

function isSurrogate(unit: number): boolean {
  return (unit & 0xf800) === 0xd800;
}

function classOf(codePoint: number): number {
  return codePoint < CODE_POINT_CLASSES.length ? CODE_POINT_CLASSES[codePoint] : OTHER;
}

/** -1 at the end of the text. */
function classAt(text: string, index: number): number {
  return index < text.length ? classOf(text.codePointAt(index)!) : -1;
}

function widthAt(text: string, index: number): number {
  return text.codePointAt(index)! > 0xffff ? 2 : 1;
}

function runEnd(text: string, start: number, wanted: number): number {
  let i = start;
  while (i < text.length) {
    const unit = text.charCodeAt(i);
    if (!isSurrogate(unit)) {
      if (CODE_POINT_CLASSES[unit] !== wanted) break;
      i++;
    } else {
      if (classAt(text, i) !== wanted) break;
      i += widthAt(text, i);
    }
  }
  return i;
}

/** `(?i:'s|'t|'re|'ve|'m|'ll|'d)` from behind the apostrophe; the length with it, or 0. */
function contractionLength(text: string, index: number): number {
  if (index >= text.length) return 0;
  // | 0x20 makes a capital small, and maps nothing else below U+0080 to these letters but the letters themselves.
  const first = text.charCodeAt(index) | 0x20;
  switch (first) {
    case 0x73: // s
    case 0x74: // t
    case 0x6d: // m
    case 0x64: // d
      return 2;
    case 0x17f: // the long s: folding case makes it an s
      return text.charCodeAt(index) === 0x17f ? 2 : 0;
    case 0x72: // re
    case 0x76: // ve
      return (text.charCodeAt(index + 1) | 0x20) === 0x65 ? 3 : 0;
    case 0x6c: // ll
      return (text.charCodeAt(index + 1) | 0x20) === 0x6c ? 3 : 0;
    default:
      return 0;
  }
}
