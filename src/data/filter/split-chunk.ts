/**
 * Splits what spaces separate into words and punctuation, by the conventions of spaCy's English tokenizer, which datatrove
 * counts words with (docs/data-rules.md says where it differs): points and quotes at both ends are words of their own,
 * `can't` is two, addresses stay whole, hyphens and slashes between letters split. Linear in the length of the chunk.
 */
import {
  CURRENCY,
  characterClasses,
  DIGIT,
  ICON,
  LETTER,
  LOWER,
  PREFIX,
  QUOTE,
  SUFFIX,
  UPPER,
} from './characters.ts';
import { isJoined, splitsOf } from './special-words.ts';

/** Longest special word; longer ones are not looked up. */
const MAX_SPECIAL = 16;
/** Longest address that stays one word. */
const MAX_ADDRESS = 2048;

const UNITS =
  /[0-9](km[²³]?|m[²³]?|dm[²³]?|cm[²³]?|mm[²³]?|ha|µm|nm|yd|in|ft|kg|g|mg|µg|t|lb|oz|m\/s|km\/h|kmh|mph|hPa|Pa|mbar|mb|MB|kb|KB|gb|GB|tb|TB|T|G|M|K|%)$/;
const LABEL = '[a-z0-9\\u00a1-\\uffff](?:[a-z0-9\\u00a1-\\uffff_-]{0,62}[a-z0-9\\u00a1-\\uffff])?\\.';
const HOST = new RegExp(`^(?:${LABEL})+(\\p{L}{2,63})(?::\\d{2,5})?(?:[/?#].*)?$`, 'iu');
const IP_HOST = /^\d{1,3}(?:\.\d{1,3}){3}(?::\d{2,5})?(?:[/?#].*)?$/;
const SCHEME = /^[\w+\-.]{2,}:\/\//u;

/** The words of a chunk without spaces, in order. */
export function splitChunk(chunk: string): string[] {
  const special = chunk.length <= MAX_SPECIAL ? splitsOf(chunk) : undefined;
  if (special) return [...special];
  const classes = characterClasses();
  const before: string[] = [];
  const after: string[] = [];
  let start = 0;
  let end = chunk.length;
  const isSpecial = (from: number, to: number): boolean =>
    from < to && to - from <= MAX_SPECIAL && splitsOf(chunk.slice(from, to)) !== undefined;
  while (start < end && !isSpecial(start, end)) {
    const prefix = prefixLength(chunk, start, end, classes);
    if (prefix > 0 && isSpecial(start + prefix, end)) {
      before.push(chunk.slice(start, start + prefix));
      start += prefix;
      break;
    }
    const suffix = suffixLength(chunk, start + prefix, end, classes);
    if (suffix > 0 && isSpecial(start, end - suffix)) {
      after.push(chunk.slice(end - suffix, end));
      end -= suffix;
      break;
    }
    if (prefix === 0 && suffix === 0) break;
    if (prefix > 0) before.push(chunk.slice(start, start + prefix));
    if (suffix > 0 && prefix + suffix <= end - start) {
      after.push(chunk.slice(end - suffix, end));
      end -= suffix;
    }
    start += prefix;
  }
  const words = before;
  if (start < end) {
    const rest = start === 0 && end === chunk.length ? chunk : chunk.slice(start, end);
    const splits = rest.length <= MAX_SPECIAL ? splitsOf(rest) : undefined;
    if (splits) words.push(...splits);
    else if (isAddress(rest)) words.push(rest);
    else splitInside(rest, classes, words);
  }
  for (let i = after.length - 1; i >= 0; i--) words.push(after[i]);
  return words.length > 1 ? joinSpecial(words) : words;
}

function prefixLength(text: string, start: number, end: number, classes: Uint16Array): number {
  const unit = text.charCodeAt(start);
  if (unit === 0x2e) {
    let at = start + 1;
    while (at < end && text.charCodeAt(at) === 0x2e) at++;
    return at - start >= 2 ? at - start : 0;
  }
  // A plus sign of a number belongs to it.
  if (unit === 0x2b) return start + 1 < end && classes[text.charCodeAt(start + 1)] & DIGIT ? 0 : 1;
  if (classes[unit] & PREFIX) return isPair(text, start, end) ? 2 : 1;
  const isDollar = (at: number): boolean => at < end && text.charCodeAt(at) === 0x24;
  if (unit === 0x55 && text.charCodeAt(start + 1) === 0x53 && isDollar(start + 2)) return 3; // US$
  return (unit === 0x43 || unit === 0x41) && isDollar(start + 1) ? 2 : 0; // C$, A$
}

function suffixLength(text: string, start: number, end: number, classes: Uint16Array): number {
  if (start >= end) return 0;
  const last = text.charCodeAt(end - 1);
  const previous = end - 2 >= start ? text.charCodeAt(end - 2) : -1;
  const previousBits = previous < 0 ? 0 : classes[previous];
  if (last === 0x2e) {
    let at = end - 1;
    while (at > start && text.charCodeAt(at - 1) === 0x2e) at--;
    if (end - at >= 2) return end - at;
    if (previous < 0) return 0;
    if (previousBits & (LOWER | DIGIT | SUFFIX) || previous === 0x25 || previous === 0xb2) return 1;
    if (previous === 0x2d || previous === 0x2b || previous === 0x7c) return 1;
    const beforeThat = end - 3 >= start ? classes[text.charCodeAt(end - 3)] : 0;
    return previousBits & UPPER && beforeThat & UPPER ? 1 : 0;
  }
  if (last === 0x2026 && previous === 0x2026) return 2;
  // 's and ’s in either case
  if ((last | 0x20) === 0x73 && (previous === 0x27 || previous === 0x2019)) return 2;
  const bits = classes[last];
  if (bits & SUFFIX) return end - 2 >= start && isPair(text, end - 2, end) ? 2 : 1;
  if (last === 0x2b) return previousBits & DIGIT ? 1 : 0;
  if (bits & CURRENCY) return previousBits & DIGIT ? 1 : 0;
  if (bits & LETTER || last === 0x25 || last === 0xb2 || last === 0xb3) {
    const unit = UNITS.exec(text.slice(Math.max(start, end - 6), end));
    return unit ? unit[1].length : 0;
  }
  return 0;
}

/** Two halves of one character. */
function isPair(text: string, at: number, end: number): boolean {
  return (
    at + 1 < end && (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00
  );
}

/** Splits at hyphens, slashes and points between letters. */
function splitInside(text: string, classes: Uint16Array, words: string[]): void {
  const { length } = text;
  let start = 0;
  for (let at = 0; at < length; ) {
    const size = infixLength(text, at, classes);
    // One at the very start separates nothing.
    if (size === 0 || at === 0) {
      at += size || 1;
      continue;
    }
    if (at > start) words.push(text.slice(start, at));
    words.push(text.slice(at, at + size));
    at += size;
    start = at;
  }
  if (start < length) words.push(text.slice(start));
}

function infixLength(text: string, at: number, classes: Uint16Array): number {
  const unit = text.charCodeAt(at);
  const bits = classes[unit];
  if (bits & LETTER) return 0;
  const left = at > 0 ? classes[text.charCodeAt(at - 1)] : 0;
  const rightOf = (size: number): number =>
    at + size < text.length ? classes[text.charCodeAt(at + size)] : 0;
  switch (unit) {
    case 0x2e: {
      let end = at + 1;
      while (end < text.length && text.charCodeAt(end) === 0x2e) end++;
      if (end - at >= 2) return end - at;
      return left & (LOWER | QUOTE) && rightOf(1) & (UPPER | QUOTE) ? 1 : 0;
    }
    case 0x2026:
      return 1;
    case 0x2c:
      return left & LETTER && rightOf(1) & LETTER ? 1 : 0;
    case 0x2b:
    case 0x2a:
    case 0x5e:
      return left & DIGIT && isDigitOrHyphen(text, at + 1, classes) ? 1 : 0;
    case 0x2d:
    case 0x2013:
    case 0x2014:
    case 0x7e: {
      if (unit === 0x2d && left & DIGIT && isDigitOrHyphen(text, at + 1, classes)) return 1;
      if (!(left & (LETTER | DIGIT))) return 0;
      let size = 1;
      const longest = unit === 0x2d ? 3 : unit === 0x2014 ? 2 : 1;
      while (size < longest && text.charCodeAt(at + size) === unit) size++;
      return rightOf(size) & LETTER ? size : 0;
    }
    case 0x3a:
    case 0x3c:
    case 0x3e:
    case 0x3d:
    case 0x2f:
      return left & (LETTER | DIGIT) && rightOf(1) & LETTER ? 1 : 0;
    default:
      return bits & ICON ? (isPair(text, at, text.length) ? 2 : 1) : 0;
  }
}

function isDigitOrHyphen(text: string, at: number, classes: Uint16Array): boolean {
  return at < text.length && (text.charCodeAt(at) === 0x2d || (classes[text.charCodeAt(at)] & DIGIT) !== 0);
}

/** Web and mail addresses, also without a scheme: `www.example.com/a`, `name@example.com`. */
function isAddress(text: string): boolean {
  if (text.length < 4 || text.length > MAX_ADDRESS || !text.includes('.', 1)) return false;
  const withoutScheme = text.replace(SCHEME, '');
  const at = withoutScheme.lastIndexOf('@');
  const host = at > 0 ? withoutScheme.slice(at + 1) : withoutScheme;
  const found = HOST.exec(host);
  // `end.Next` is two sentences: the top-level domain is lower case.
  if (found) return found[1] === found[1].toLowerCase();
  return IP_HOST.test(host);
}

/** Joins neighbours that are a special word together, such as `)` and `:`. */
function joinSpecial(words: string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < words.length; ) {
    let joined = words[i];
    let size = 1;
    let text = joined;
    for (let next = i + 1; next < words.length && text.length + words[next].length <= 6; next++) {
      text += words[next];
      if (!isJoined(text)) continue;
      joined = text;
      size = next + 1 - i;
    }
    result.push(joined);
    i += size;
  }
  return result;
}
