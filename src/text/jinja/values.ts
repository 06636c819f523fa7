/** Values of the template interpreter as Python sees them: what they print, when they are equal, in which order they are. */
import { Environment, Interpreter } from '@huggingface/jinja';

/** A value of @huggingface/jinja. Its classes are not exported; `type` says which it is of. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
  __bool__(): { readonly value: boolean };
}

const interpreter = new Interpreter();

/** From plain data; whole numbers become integers. */
export function toValue(data: unknown): Value {
  return new Environment().set('value', data) as unknown as Value;
}

export function floatOf(value: number): Value {
  return interpreter.evaluate(
    { type: 'FloatLiteral', value } as never,
    interpreter.global,
  ) as unknown as Value;
}

export function listOf(items: readonly Value[]): Value {
  const list = toValue([]);
  (list.value as Value[]).push(...items);
  return list;
}

export function tupleOf(items: readonly Value[]): Value {
  const tuple = interpreter.evaluate({ type: 'TupleLiteral', value: [] } as never, interpreter.global);
  (tuple.value as Value[]).push(...items);
  return tuple as unknown as Value;
}

export function isNumeric({ type }: Value): boolean {
  return type === 'IntegerValue' || type === 'FloatValue' || type === 'BooleanValue';
}

export function isList({ type }: Value): boolean {
  return type === 'ArrayValue' || type === 'TupleValue';
}

export function isText({ type }: Value): boolean {
  return type === 'StringValue';
}

export function isMapping({ type }: Value): boolean {
  return type === 'ObjectValue' || type === 'KeywordArgumentsValue';
}

export function itemsOf(value: Value): readonly Value[] {
  return value.value as readonly Value[];
}

export function entriesOf(value: Value): ReadonlyMap<string, Value> {
  return value.value as ReadonlyMap<string, Value>;
}

/** Python's `str`; an undefined value prints nothing. Throws for what has no text that anyone would want. */
export function textOf(value: Value): string {
  if (isText(value)) return value.value as string;
  return value.type === 'UndefinedValue' ? '' : reprOf(value);
}

/** Python's `repr`. */
export function reprOf(value: Value): string {
  switch (value.type) {
    case 'StringValue':
      return quoted(value.value as string);
    case 'IntegerValue':
      return String(value.value);
    case 'FloatValue':
      return floatText(value.value as number);
    case 'BooleanValue':
      return value.value === true ? 'True' : 'False';
    case 'NullValue':
      return 'None';
    case 'UndefinedValue':
      return 'Undefined';
    case 'ArrayValue':
      return `[${itemsOf(value).map(reprOf).join(', ')}]`;
    case 'TupleValue': {
      const items = itemsOf(value).map(reprOf);
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
    }
    case 'ObjectValue':
      return `{${[...entriesOf(value)].map(([key, item]) => `${quoted(key)}: ${reprOf(item)}`).join(', ')}}`;
    default:
      throw new Error(`a value of type ${value.type} cannot be printed`);
  }
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };
  const body = Array.from(text, (char) => {
    if (char === quote) return `\\${char}`;
    const code = char.codePointAt(0) as number;
    if (named[char] !== undefined) return named[char];
    if (/^[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]$/u.test(char) && char !== ' ') {
      if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
      return code < 0x10000
        ? `\\u${code.toString(16).padStart(4, '0')}`
        : `\\U${code.toString(16).padStart(8, '0')}`;
    }
    return char;
  });
  return `${quote}${body.join('')}${quote}`;
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) {
    const [digits, exponent] = value.toExponential().split('e');
    return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** Python's `==`. */
export function isEqual(a: Value, b: Value): boolean {
  if (isNumeric(a) && isNumeric(b)) return Number(a.value) === Number(b.value);
  if (a.type !== b.type) return false;
  if (isList(a)) {
    const [left, right] = [itemsOf(a), itemsOf(b)];
    return left.length === right.length && left.every((item, i) => isEqual(item, right[i]));
  }
  if (isMapping(a)) {
    const [left, right] = [entriesOf(a), entriesOf(b)];
    return (
      left.size === right.size &&
      [...left].every(([key, item]) => right.has(key) && isEqual(item, right.get(key) as Value))
    );
  }
  return a.value === b.value;
}

/** Below, at or above 0. Throws for values that Python cannot put in order. */
export function compare(a: Value, b: Value): number {
  if (isNumeric(a) && isNumeric(b)) return Number(a.value) - Number(b.value);
  if (isText(a) && isText(b)) return compareTexts(a.value as string, b.value as string);
  if (isList(a) && a.type === b.type) {
    const [left, right] = [itemsOf(a), itemsOf(b)];
    for (let i = 0; i < Math.min(left.length, right.length); i++)
      if (!isEqual(left[i], right[i])) return compare(left[i], right[i]);
    return left.length - right.length;
  }
  throw new Error(`values of types ${a.type} and ${b.type} have no order`);
}

/** By code points, not by the units of UTF-16. */
export function compareTexts(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i].codePointAt(0) as number) - (right[i].codePointAt(0) as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
