/** Filters of Jinja that @huggingface/jinja computes in another way than Python; the others are left to it. */
import { capitalized, replaced, stripped } from './text-methods.ts';
import {
  compare,
  entriesOf,
  floatOf,
  isList,
  isMapping,
  isNumeric,
  isText,
  itemsOf,
  listOf,
  textOf,
  toValue,
  tupleOf,
  type Value,
} from './values.ts';

/** Undefined leaves it to the library. */
type Filter = (value: Value, args: readonly Value[]) => Value | undefined;

const text = (value: Value | undefined): string | undefined =>
  value === undefined || value.type === 'NullValue' ? undefined : textOf(value);

const length = (value: Value): number => {
  if (isText(value)) return Array.from(value.value as string).length;
  if (isList(value)) return itemsOf(value).length;
  if (isMapping(value)) return entriesOf(value).size;
  if (value.type === 'UndefinedValue') return 0;
  throw new Error(`the length of a value of type ${value.type}`);
};

const elements = (value: Value): readonly Value[] => {
  if (isList(value)) return itemsOf(value);
  if (isText(value)) return Array.from(value.value as string, (char) => toValue(char));
  if (isMapping(value)) return [...entriesOf(value).keys()].map((key) => toValue(key));
  if (value.type === 'UndefinedValue') return [];
  throw new Error(`the elements of a value of type ${value.type}`);
};

const UNDEFINED = toValue(undefined);

/** What Python's `int` and `float` read: a number and white space around it. */
const INTEGER = /^\s*[+-]?\d+(?:_\d+)*\s*$/;
const FLOAT = /^\s*[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+)?\s*$/i;

function numberOf(value: Value): number | undefined {
  if (isNumeric(value)) return Number(value.value);
  const digits = isText(value) ? (value.value as string) : '';
  return INTEGER.test(digits) || FLOAT.test(digits) ? Number(digits.trim().replaceAll('_', '')) : undefined;
}

const title = (value: string): string => value.replace(/[^-\s({[<]+/gu, (word) => capitalized(word));

const lowered = (item: Value): Value => (isText(item) ? toValue((item.value as string).toLowerCase()) : item);

const unique = (items: readonly Value[]): Value[] => {
  if (items.some((item) => isList(item) || isMapping(item))) throw new Error('unique of lists');
  const seen = new Set<unknown>();
  return items.filter((item) => {
    const { value } = lowered(item);
    // Equal numbers are equal whatever their type.
    const key = isNumeric(item) ? Number(value) : isText(item) ? value : Symbol.for(item.type);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
};

/** A mapping as Python's `items`. */
export function pairs(value: Value): Value {
  if (!isMapping(value)) throw new Error(`the items of a value of type ${value.type}`);
  return listOf([...entriesOf(value)].map(([key, item]) => tupleOf([toValue(key), item])));
}

function hasWholeFloat(value: Value): boolean {
  if (isList(value)) return itemsOf(value).some(hasWholeFloat);
  if (isMapping(value)) return [...entriesOf(value).values()].some(hasWholeFloat);
  return value.type === 'FloatValue' && Number.isInteger(value.value);
}

const sorted = (items: readonly Value[]): Value[] => {
  return [...items].sort((a, b) => compare(lowered(a), lowered(b)));
};

/** With the arguments that they take; named ones, and more, go to the library, which knows or refuses them. */
const FILTERS: Readonly<Record<string, readonly [maxArguments: number, Filter]>> = {
  string: [0, (value) => toValue(textOf(value))],
  length: [0, (value) => toValue(length(value))],
  count: [0, (value) => toValue(length(value))],
  upper: [0, (value) => toValue(textOf(value).toUpperCase())],
  lower: [0, (value) => toValue(textOf(value).toLowerCase())],
  capitalize: [0, (value) => toValue(capitalized(textOf(value)))],
  title: [0, (value) => toValue(title(textOf(value)))],
  trim: [1, (value, [chars]) => toValue(stripped(textOf(value), text(chars), 'both'))],
  replace: [
    3,
    (value, [from, to, count]) =>
      toValue(replaced(textOf(value), textOf(from), textOf(to), count ? Number(count.value) : -1)),
  ],
  join: [
    1,
    (value, [separator]) =>
      toValue(
        elements(value)
          .map(textOf)
          .join(text(separator) ?? ''),
      ),
  ],
  list: [0, (value) => listOf(elements(value))],
  first: [0, (value) => elements(value)[0] ?? UNDEFINED],
  last: [0, (value) => elements(value).at(-1) ?? UNDEFINED],
  reverse: [
    0,
    (value) =>
      isText(value)
        ? toValue(
            Array.from(value.value as string)
              .reverse()
              .join(''),
          )
        : listOf([...elements(value)].reverse()),
  ],
  items: [0, (value) => pairs(value)],
  dictsort: [
    0,
    (value) => {
      const items = [...itemsOf(pairs(value))];
      return listOf(items.sort((a, b) => compare(lowered(itemsOf(a)[0]), lowered(itemsOf(b)[0]))));
    },
  ],
  tojson: [
    0,
    (value) => {
      if (hasWholeFloat(value)) throw new Error('tojson of 1.0, which would be 1');
      return undefined;
    },
  ],
  unique: [0, (value) => listOf(unique(elements(value)))],
  sort: [0, (value) => listOf(sorted(elements(value)))],
  int: [
    1,
    (value, [fallback]) => {
      const number = numberOf(value);
      return number === undefined || !Number.isFinite(number)
        ? (fallback ?? toValue(0))
        : toValue(Math.trunc(number));
    },
  ],
  float: [
    1,
    (value, [fallback]) => {
      const number = numberOf(value);
      return number === undefined ? (fallback ?? floatOf(0)) : floatOf(number);
    },
  ],
  abs: [
    0,
    (value) => {
      if (!isNumeric(value)) throw new Error(`the absolute value of a value of type ${value.type}`);
      const size = Math.abs(Number(value.value));
      return value.type === 'FloatValue' ? floatOf(size) : toValue(size);
    },
  ],
  default: [
    2,
    (value, [fallback = toValue(''), boolean]) =>
      value.type === 'UndefinedValue' || (boolean?.__bool__().value === true && !value.__bool__().value)
        ? fallback
        : value,
  ],
};

/** Undefined for a filter, or arguments, that are not here. */
export function applyFilter(name: string, value: Value, args: readonly Value[]): Value | undefined {
  if (!Object.hasOwn(FILTERS, name)) return undefined;
  const [maxArguments, filter] = FILTERS[name];
  return args.length <= maxArguments ? filter(value, args) : undefined;
}

/** Those whose named arguments the library knows. */
const NAMED = new Set(['default', 'sort', 'tojson', 'indent', 'map', 'dictsort', 'int', 'float']);

export function knowsNamedArguments(name: string): boolean {
  return NAMED.has(name) || !Object.hasOwn(FILTERS, name);
}

/** Tests whose answer differs. */
const TESTS: Readonly<Record<string, (value: Value) => boolean>> = {
  number: isNumeric,
  integer: ({ type }) => type === 'IntegerValue',
  float: ({ type }) => type === 'FloatValue',
  iterable: (value) => isList(value) || isText(value) || isMapping(value) || value.type === 'UndefinedValue',
  sequence: (value) => isList(value) || isText(value) || isMapping(value) || value.type === 'UndefinedValue',
  mapping: isMapping,
  upper: (value) => cased(value, (one) => one.toUpperCase()),
  lower: (value) => cased(value, (one) => one.toLowerCase()),
  odd: (value) => parity(value) === 1,
  even: (value) => parity(value) === 0,
};

function cased(value: Value, change: (text: string) => string): boolean {
  const own = textOf(value);
  return own === change(own) && own.toUpperCase() !== own.toLowerCase();
}

function parity(value: Value): number {
  if (!isNumeric(value)) throw new Error(`whether a value of type ${value.type} is odd or even`);
  return Math.abs(Number(value.value)) % 2;
}

/** Undefined for a test that is not here. */
export function applyTest(name: string, value: Value): boolean | undefined {
  return Object.hasOwn(TESTS, name) ? TESTS[name](value) : undefined;
}
