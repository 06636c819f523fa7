/**
 * Limits on what a chat template may compute. Templates come with model files: one that loops without end would block every
 * request of a server, since rendering cannot be interrupted from outside.
 */
import { FormatError } from '../core/errors.ts';

/** A few seconds. A conversation of 1,000 messages takes some 50,000 steps. */
const MAX_STEPS = 1_000_000;
/** In UTF-16 units; beyond the longest context that any model has. */
const MAX_TEXT = 2 ** 26;
/** Of a list, with the elements of its elements. */
const MAX_ELEMENTS = 2 ** 20;
/** That of Jinja's sandbox, in which transformers renders templates. */
const MAX_RANGE = 100_000;

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What we use of an interpreter, and of its values. */
interface Evaluating {
  evaluate(node: unknown, scope: unknown): { readonly value: unknown };
}

/** The same interpreter; it throws `FormatError` where a template takes too many steps or makes too large a value. */
export function limited<I extends object>(interpreter: I): I {
  const evaluating = interpreter as unknown as Evaluating;
  const evaluate = evaluating.evaluate.bind(interpreter);
  const iterables = new WeakSet<object>();
  const sizes = new WeakMap<object, number>();
  let steps = 0;
  /** Of the node whose parts are evaluated now. */
  let operands: Operand[] = [];

  const take = (count: number): void => {
    steps += count;
    if (steps > MAX_STEPS) throw tooMuch(`takes more than ${MAX_STEPS} steps`);
  };
  /** A list's elements with those of its elements, which printing it would visit; a value in it twice counts twice. */
  const sizeOf = (value: object): number => {
    const known = sizes.get(value);
    if (known !== undefined) return known;
    // A namespace may contain itself.
    sizes.set(value, 1);
    let size = 0;
    for (const item of Array.isArray(value) ? value : value instanceof Map ? value.values() : []) {
      const inner: unknown = item?.value;
      size += 1 + (typeof inner === 'object' && inner !== null ? sizeOf(inner) : 0);
    }
    sizes.set(value, size);
    return size;
  };
  const measured = (value: unknown): Operand => {
    if (typeof value === 'string') return { isText: true, size: value.length };
    return { isText: false, size: typeof value === 'object' && value !== null ? sizeOf(value) : 0 };
  };

  evaluating.evaluate = (statement, scope) => {
    take(1);
    const node = (statement ?? { type: '' }) as Node;
    if (node.type === 'For') {
      const iterable = node.iterable as Node;
      iterables.add(iterable.type === 'SelectExpression' ? (iterable.lhs as object) : iterable);
    }
    const outer = operands;
    const own: Operand[] = [];
    operands = own;
    let result: ReturnType<Evaluating['evaluate']>;
    try {
      result = evaluate(statement, scope);
    } finally {
      operands = outer;
    }
    const value: unknown = result?.value;
    const measure = measured(value);
    const { isText, size } = measure;
    if (size > (isText ? MAX_TEXT : MAX_ELEMENTS))
      throw tooMuch(
        `makes a ${isText ? `text of ${size} characters` : `list or mapping of ${size} elements`}`,
      );
    if (iterables.has(node)) take(LOOP_STEPS * (isText ? size : lengthOf(value)));
    take(workOf(node, own) + (OPERATIONS.has(node.type) ? stepsOf(measure) : 0));
    // A method works on what it belongs to.
    outer.push(typeof value === 'function' ? (own[0] ?? measure) : measure);
    return result;
  };
  return interpreter;
}

/** The size of a value. */
interface Operand {
  readonly isText: boolean;
  readonly size: number;
}

/** Nodes that make a value; others hand on one that exists already. */
const OPERATIONS = new Set(['BinaryExpression', 'FilterExpression', 'CallExpression']);
/** Filters that do not visit the elements of a list. */
const CONSTANT_TIME = new Set(['length', 'count', 'first', 'last', 'default', 'd']);
const LOOP_STEPS = 4;

function stepsOf({ isText, size }: Operand): number {
  return size / (isText ? 1024 : 8);
}

/** Steps that visiting the operands counts as. */
function workOf(node: Node, operands: readonly Operand[]): number {
  const all = (): number => operands.reduce((sum, operand) => sum + stepsOf(operand), 0);
  switch (node.type) {
    case 'BinaryExpression': {
      const operator = (node.operator as { value: string }).value;
      if (operator === 'and' || operator === 'or') return 0;
      // Values of unlike sizes differ at once.
      const isComparison = /^[=!<>]/.test(operator);
      return isComparison ? Math.min(...operands.map(stepsOf)) : all();
    }
    case 'FilterExpression': {
      const filter = node.filter as { value?: unknown };
      return CONSTANT_TIME.has(filter.value as string) && operands[0]?.isText !== true ? 0 : all();
    }
    case 'CallExpression':
      return all();
    case 'MemberExpression':
      return (node.property as Node).type === 'SliceExpression' ? all() : 0;
    default:
      return 0;
  }
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : value instanceof Map ? value.size : 0;
}

function tooMuch(found: string): FormatError {
  return new FormatError(`Cannot render the chat template: it ${found}`, {
    code: 'chat-template',
    hint: 'the template is damaged, or made to block whoever renders it; take the file from the model page again',
  });
}

/** Python's `range`, with the limit of Jinja's sandbox. */
export function range(start: number, stop?: number | null, step = 1): number[] {
  const [first, end] = stop === undefined || stop === null ? [0, start] : [start, stop];
  if (![first, end, step].every(Number.isSafeInteger) || step === 0)
    throw new Error(`range(${[first, end, step].join(', ')}), expected integers and a step other than 0`);
  const count = Math.max(0, Math.ceil((end - first) / step));
  if (count > MAX_RANGE)
    throw new Error(`range(${[first, end, step].join(', ')}) has ${count} numbers, of ${MAX_RANGE} at most`);
  return Array.from({ length: count }, (_, i) => first + i * step);
}
