/** The pieces of the two most common patterns, without a regular expression: several times as fast. */
import { CODE_POINT_CLASSES, LETTER, NEWLINE, NUMBER, OTHER, SPACE } from './unicode-classes.ts';

/**
 * Where the match of `QWEN2_PATTERN` (one digit) or `LLAMA3_PATTERN` (three) that begins at `start` ends. The alternatives
 * are tried in the pattern's order; what makes a scan of one pass possible is that the class of the first one or two
 * characters decides between them.
 */
export function scanPiece(text: string, start: number, maxDigits: 1 | 3): number {
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

/** `(?i:'s|'t|'re|'ve|'m|'ll|'d)` after the apostrophe; the length with it, or 0. */
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
