/** Methods of Python's `str` that templates call. Those that are not here are refused by the interpreter. */
import { isList, isText, itemsOf, toValue, tupleOf, type Value } from './values.ts';

type Method = (text: string, args: readonly Value[]) => Value;

/** What Python takes for white space: the four separators and U+0085, too, but not the byte order mark. */
const SPACES = new Set(
  Array.from({ length: 0x3001 }, (_, code) => String.fromCharCode(code)).filter(
    (char, code) => /\s/.test(char) || (code >= 0x1c && code <= 0x1f) || code === 0x85,
  ),
);
const isSpace = (char: string): boolean => SPACES.has(char);

/** Where `splitlines` ends a line. */
const LINE_END = new RegExp(
  `\\r\\n|[\\n\\r\\v\\f${String.fromCharCode(0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029)}]`,
);

/** Without white space, or the given characters, at its ends. */
export function stripped(text: string, chars: string | undefined, sides: 'both' | 'left' | 'right'): string {
  const units = Array.from(text);
  const isCut = (char: string): boolean =>
    chars === undefined ? isSpace(char) : Array.from(chars).includes(char);
  let [start, end] = [0, units.length];
  if (sides !== 'right') while (start < end && isCut(units[start])) start++;
  if (sides !== 'left') while (end > start && isCut(units[end - 1])) end--;
  return units.slice(start, end).join('');
}

export function capitalized(text: string): string {
  const [first = '', ...rest] = Array.from(text);
  return first.toUpperCase() + rest.join('').toLowerCase();
}

function titled(text: string): string {
  return text.replace(/\p{L}+/gu, (word) => capitalized(word));
}

export function replaced(text: string, from: string, to: string, count = -1): string {
  if (from === '') throw new Error('replace() of an empty text');
  const parts = text.split(from);
  const numReplaced = count < 0 ? parts.length - 1 : Math.min(count, parts.length - 1);
  return (
    parts.slice(0, numReplaced + 1).join(to) +
    parts
      .slice(numReplaced + 1)
      .map((part) => from + part)
      .join('')
  );
}

function split(text: string, separator: string | undefined, max: number, fromRight: boolean): string[] {
  const limit = max < 0 ? Number.POSITIVE_INFINITY : max;
  if (separator === '') throw new Error('split() by an empty text');
  if (separator !== undefined) {
    const parts = text.split(separator);
    if (parts.length - 1 <= limit) return parts;
    const at = fromRight ? parts.length - limit : limit;
    return fromRight
      ? [parts.slice(0, at).join(separator), ...parts.slice(at)]
      : [...parts.slice(0, at), parts.slice(at).join(separator)];
  }
  if (fromRight && limit !== Number.POSITIVE_INFINITY)
    throw new Error('rsplit() by white space with a limit');
  const words: string[] = [];
  let rest = stripped(text, undefined, 'left');
  while (rest !== '') {
    if (words.length === limit) return [...words, rest];
    const units = Array.from(rest);
    const end = units.findIndex(isSpace);
    words.push(end < 0 ? rest : units.slice(0, end).join(''));
    rest = end < 0 ? '' : stripped(units.slice(end).join(''), undefined, 'left');
  }
  return words;
}

function lines(text: string): string[] {
  const parts = text.split(LINE_END);
  return parts.at(-1) === '' ? parts.slice(0, -1) : parts;
}

/** In characters, not units of UTF-16. */
function position(text: string, index: number): number {
  return index < 0 ? -1 : Array.from(text.slice(0, index)).length;
}

const isAll = (text: string, pattern: RegExp): boolean =>
  text !== '' && Array.from(text).every((char) => pattern.test(char));

function texts(value: Value): string[] {
  if (isText(value)) return [value.value as string];
  if (value.type === 'TupleValue' && itemsOf(value).every(isText))
    return itemsOf(value).map((item) => item.value as string);
  throw new Error('expected a text or a tuple of texts');
}

function textArgument(args: readonly Value[], at: number): string {
  const value = args[at];
  if (value === undefined || !isText(value)) throw new Error(`argument ${at + 1} of a method is not a text`);
  return value.value as string;
}

function optionalText(args: readonly Value[], at: number): string | undefined {
  return args[at] === undefined || args[at].type === 'NullValue' ? undefined : textArgument(args, at);
}

function count(args: readonly Value[], at: number): number {
  const value = args[at];
  if (value === undefined) return -1;
  if (value.type !== 'IntegerValue') throw new Error(`argument ${at + 1} of a method is not a whole number`);
  return value.value as number;
}

/** How many arguments each takes at most; more, or named ones, would be ignored. */
const METHODS: Readonly<Record<string, readonly [maxArguments: number, Method]>> = {
  upper: [0, (text) => toValue(text.toUpperCase())],
  lower: [0, (text) => toValue(text.toLowerCase())],
  casefold: [0, (text) => toValue(text.toLowerCase().replaceAll('ß', 'ss'))],
  title: [0, (text) => toValue(titled(text))],
  capitalize: [0, (text) => toValue(capitalized(text))],
  strip: [1, (text, args) => toValue(stripped(text, optionalText(args, 0), 'both'))],
  lstrip: [1, (text, args) => toValue(stripped(text, optionalText(args, 0), 'left'))],
  rstrip: [1, (text, args) => toValue(stripped(text, optionalText(args, 0), 'right'))],
  startswith: [1, (text, [prefix]) => toValue(texts(prefix).some((one) => text.startsWith(one)))],
  endswith: [1, (text, [suffix]) => toValue(texts(suffix).some((one) => text.endsWith(one)))],
  removeprefix: [
    1,
    (text, args) => {
      const prefix = textArgument(args, 0);
      return toValue(text.startsWith(prefix) ? text.slice(prefix.length) : text);
    },
  ],
  removesuffix: [
    1,
    (text, args) => {
      const suffix = textArgument(args, 0);
      return toValue(suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text);
    },
  ],
  split: [2, (text, args) => toValue(split(text, optionalText(args, 0), count(args, 1), false))],
  rsplit: [2, (text, args) => toValue(split(text, optionalText(args, 0), count(args, 1), true))],
  splitlines: [0, (text) => toValue(lines(text))],
  partition: [
    1,
    (text, args) => {
      const at = text.indexOf(textArgument(args, 0));
      const { length } = textArgument(args, 0);
      const parts =
        at < 0 ? [text, '', ''] : [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
      return tupleOf(parts.map((part) => toValue(part)));
    },
  ],
  replace: [
    3,
    (text, args) => toValue(replaced(text, textArgument(args, 0), textArgument(args, 1), count(args, 2))),
  ],
  join: [
    1,
    (text, [list]) => {
      if (!list || !isList(list) || !itemsOf(list).every(isText))
        throw new Error('join() of what is not a list of texts');
      return toValue(
        itemsOf(list)
          .map((item) => item.value as string)
          .join(text),
      );
    },
  ],
  find: [1, (text, args) => toValue(position(text, text.indexOf(textArgument(args, 0))))],
  rfind: [1, (text, args) => toValue(position(text, text.lastIndexOf(textArgument(args, 0))))],
  index: [
    1,
    (text, args) => {
      const at = text.indexOf(textArgument(args, 0));
      if (at < 0) throw new Error('index() of a text that is not there');
      return toValue(position(text, at));
    },
  ],
  count: [
    1,
    (text, args) => {
      const part = textArgument(args, 0);
      return toValue(part === '' ? Array.from(text).length + 1 : text.split(part).length - 1);
    },
  ],
  isdigit: [0, (text) => toValue(isAll(text, /^\p{Nd}$/u))],
  isalpha: [0, (text) => toValue(isAll(text, /^\p{L}$/u))],
  isalnum: [0, (text) => toValue(isAll(text, /^[\p{L}\p{N}]$/u))],
  isspace: [0, (text) => toValue(text !== '' && Array.from(text).every(isSpace))],
  isupper: [0, (text) => toValue(text !== text.toLowerCase() && text === text.toUpperCase())],
  islower: [0, (text) => toValue(text !== text.toUpperCase() && text === text.toLowerCase())],
};

/** Undefined for a method that is not known. */
export function callTextMethod(text: string, name: string, args: readonly Value[]): Value | undefined {
  if (!Object.hasOwn(METHODS, name)) return undefined;
  const [maxArguments, method] = METHODS[name];
  if (args.length > maxArguments)
    throw new Error(`the method ${name} with ${args.length} arguments is not supported`);
  return method(text, args);
}
