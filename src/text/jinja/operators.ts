/** Operators of Python on the values of a template. */
import {
  compare,
  entriesOf,
  floatOf,
  isEqual,
  isList,
  isMapping,
  isNumeric,
  isText,
  itemsOf,
  listOf,
  textOf,
  toValue,
  type Value,
} from './values.ts';

/** All but `and` and `or`, whose right side may not be evaluated. Throws where Python does, and for what is not supported. */
export function operate(operator: string, a: Value, b: Value): Value {
  switch (operator) {
    case '==':
      return toValue(isEqual(a, b));
    case '!=':
      return toValue(!isEqual(a, b));
    case 'in':
      return toValue(isIn(a, b));
    case 'not in':
      return toValue(!isIn(a, b));
    case '~':
      return toValue(textOf(a) + textOf(b));
    case '<':
      return toValue(compare(a, b) < 0);
    case '<=':
      return toValue(compare(a, b) <= 0);
    case '>':
      return toValue(compare(a, b) > 0);
    case '>=':
      return toValue(compare(a, b) >= 0);
    case '+':
      if (isText(a) && isText(b)) return toValue((a.value as string) + (b.value as string));
      if (isList(a) && a.type === 'ArrayValue' && b.type === 'ArrayValue')
        return listOf([...itemsOf(a), ...itemsOf(b)]);
      break;
    case '*':
      if (isText(a) && b.type === 'IntegerValue')
        return toValue((a.value as string).repeat(Math.max(0, b.value as number)));
      if (isText(b) && a.type === 'IntegerValue')
        return toValue((b.value as string).repeat(Math.max(0, a.value as number)));
      break;
  }
  if (isNumeric(a) && isNumeric(b)) return calculate(operator, a, b);
  throw new Error(`the operator ${operator} between values of types ${a.type} and ${b.type}`);
}

function calculate(operator: string, left: Value, right: Value): Value {
  const [a, b] = [Number(left.value), Number(right.value)];
  if (['/', '//', '%'].includes(operator) && b === 0) throw new Error('division by zero');
  const isFloat =
    operator === '/' ||
    left.type === 'FloatValue' ||
    right.type === 'FloatValue' ||
    (operator === '**' && b < 0);
  const results: Readonly<Record<string, () => number>> = {
    '+': () => a + b,
    '-': () => a - b,
    '*': () => a * b,
    '/': () => a / b,
    '//': () => Math.floor(a / b),
    // The sign of the divisor, not of the dividend.
    '%': () => (a % b !== 0 && a % b < 0 !== b < 0 ? (a % b) + b : a % b),
    '**': () => a ** b,
  };
  const result = results[operator]?.();
  if (result === undefined || Number.isNaN(result))
    throw new Error(`the operator ${operator} between ${a} and ${b}`);
  if (isFloat) return floatOf(result);
  if (!Number.isSafeInteger(result)) throw new Error(`${a} ${operator} ${b} is too large`);
  return toValue(result);
}

function isIn(a: Value, b: Value): boolean {
  if (b.type === 'UndefinedValue') return false;
  if (isText(b) && isText(a)) return (b.value as string).includes(a.value as string);
  if (isList(b)) return itemsOf(b).some((item) => isEqual(item, a));
  if (isMapping(b)) return isText(a) && entriesOf(b).has(a.value as string);
  throw new Error(`the operator in between values of types ${a.type} and ${b.type}`);
}
