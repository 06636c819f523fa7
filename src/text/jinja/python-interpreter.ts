/**
 * The interpreter of @huggingface/jinja with Python's meaning, which templates are written for: what Python would print
 * differently is computed here, what is not supported throws. `test/golden/templates/features.py` records what Python does.
 */
import { Environment, Interpreter, type parse } from '@huggingface/jinja';
import { applyFilter, applyTest, knowsNamedArguments, pairs } from './filters.ts';
import { operate } from './operators.ts';
import { callTextMethod } from './text-methods.ts';
import { entriesOf, isList, isMapping, isText, itemsOf, textOf, toValue, type Value } from './values.ts';

type Program = ReturnType<typeof parse>;
type Scope = Environment;

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Ends an iteration, or the loop. What the iteration has printed until then counts. */
class LoopEnd extends Error {
  readonly kind: 'Break' | 'Continue';
  output = '';

  constructor(kind: 'Break' | 'Continue') {
    super(`${kind.toLowerCase()} outside of a loop`);
    this.kind = kind;
  }
}

/** Statements; everything else in a block is an expression, whose value is printed. */
const STATEMENTS = new Set([
  'Program',
  'If',
  'For',
  'Break',
  'Continue',
  'Set',
  'Macro',
  'Comment',
  'CallStatement',
  'FilterStatement',
  'Print',
]);

/** A program whose blocks say what they print: `{{ x }}` is a node of its own, wherever it is. */
export function preparePrinting(program: Program): Program {
  const block = (nodes: readonly Node[]): Node[] =>
    nodes.map((node) => (STATEMENTS.has(node.type) ? visit(node) : { type: 'Print', expression: node }));
  const visit = (node: Node): Node => {
    const changed: Record<string, unknown> = { ...node };
    for (const field of ['body', 'alternate', 'defaultBlock'])
      if (Array.isArray(node[field])) changed[field] = block(node[field] as Node[]);
    return Object.assign(Object.create(Object.getPrototypeOf(node)), changed) as Node;
  };
  return visit(program as unknown as Node) as unknown as Program;
}

/** As much of its type as we use; values and nodes have types that are not exported. */
const JinjaInterpreter = Interpreter as unknown as new (
  globals: Environment,
) => { run(program: Program): Value; evaluate(node: unknown, scope: Environment): Value };

export class PythonInterpreter extends JinjaInterpreter {
  override evaluate(statement: unknown, environment: Scope): Value {
    const node = statement as Node | undefined;
    return (node && this.own(node, environment)) ?? super.evaluate(statement, environment);
  }

  /** Undefined for nodes that mean the same in both. */
  private own(node: Node, scope: Scope): Value | undefined {
    switch (node.type) {
      case 'Program':
        return toValue(this.block(node.body as Node[], scope));
      case 'Print':
        refuseViews(node.expression as Node);
        return toValue(textOf(this.evaluate(node.expression, scope)));
      case 'If': {
        const isTrue = this.evaluate(node.test, scope).__bool__().value;
        return toValue(this.block((isTrue ? node.body : node.alternate) as Node[], scope));
      }
      case 'For':
        return toValue(this.loop(node, scope));
      case 'Identifier':
        if (
          GLOBALS.has(node.value as string) &&
          scope.lookupVariable(node.value as string).type === 'UndefinedValue'
        )
          throw new Error(`${node.value as string} is not supported`);
        return undefined;
      case 'Break':
      case 'Continue':
        throw new LoopEnd(node.type);
      case 'BinaryExpression':
        return this.binary(node, scope);
      case 'CallExpression':
        return this.call(node, scope);
      case 'FilterExpression':
        return this.filter(node, scope);
      case 'TestExpression':
        return this.test(node, scope);
      case 'MemberExpression':
        return this.member(node, scope);
      default:
        return undefined;
    }
  }

  private block(nodes: readonly Node[], scope: Scope): string {
    let output = '';
    for (const node of nodes) {
      try {
        const printed = this.evaluate(node, scope);
        // Set, macros and comments give null, and print nothing.
        if (isText(printed)) output += printed.value as string;
      } catch (error) {
        if (error instanceof LoopEnd) error.output = output + error.output;
        throw error;
      }
    }
    return output;
  }

  private loop(node: Node, scope: Scope): string {
    const select = node.iterable as Node;
    const isFiltered = select.type === 'SelectExpression';
    const iterable = this.evaluate(isFiltered ? select.lhs : select, scope);
    const items = elementsOf(iterable).filter((item) => {
      if (!isFiltered) return true;
      const inner = new Environment(scope);
      assign(node.loopvar as Node, item, inner);
      return this.evaluate(select.test, inner).__bool__().value;
    });
    let output = '';
    // Jinja's else comes where no iteration got to its end.
    let isEmpty = true;
    for (const [i, item] of items.entries()) {
      // What is set in an iteration is gone in the next one.
      const inner = new Environment(scope);
      inner.setVariable('loop', loopFacts(i, items) as never);
      assign(node.loopvar as Node, item, inner);
      try {
        output += this.block(node.body as Node[], inner);
        isEmpty = false;
      } catch (error) {
        if (!(error instanceof LoopEnd)) throw error;
        output += error.output;
        if (error.kind === 'Break') break;
      }
    }
    return isEmpty ? output + this.block(node.defaultBlock as Node[], scope) : output;
  }

  private binary(node: Node, scope: Scope): Value | undefined {
    const operator = (node.operator as { readonly value: string }).value;
    if (operator === 'and' || operator === 'or') return undefined;
    // Python compares the middle one with both.
    if (isComparison(node) && [node.left, node.right].some((side) => isComparison(side as Node)))
      throw new Error(`a comparison of a comparison (${operator}) is not supported`);
    return operate(operator, this.evaluate(node.left, scope), this.evaluate(node.right, scope));
  }

  private call(node: Node, scope: Scope): Value | undefined {
    const callee = node.callee as Node;
    if (callee.type !== 'MemberExpression' || callee.computed === true) return undefined;
    const object = this.evaluate(callee.object, scope);
    const { value: name } = callee.property as unknown as { readonly value: string };
    if (isMapping(object) && name === 'items' && !entriesOf(object).has(name)) return pairs(object);
    if (!isText(object)) return undefined;
    const args = this.plainArguments(node.args as Node[], scope);
    const result = args && callTextMethod(object.value as string, name, args);
    if (result) return result;
    throw new Error(`the method ${name} of a text${args ? '' : ' with named arguments'} is not supported`);
  }

  private filter(node: Node, scope: Scope): Value | undefined {
    const filter = node.filter as Node;
    const isCall = filter.type === 'CallExpression';
    const { value: name } = (isCall ? filter.callee : filter) as { readonly value: string };
    if (name === 'selectattr' || name === 'rejectattr' || (name === 'tojson' && isCall))
      this.refuseDifferences(name, filter);
    const args = isCall ? this.plainArguments(filter.args as Node[], scope) : [];
    if (!args && !knowsNamedArguments(name))
      throw new Error(`the filter ${name} with named arguments is not supported`);
    return args && applyFilter(name, this.evaluate(node.operand, scope), args);
  }

  /** A missing attribute is undefined to Python's tests; the library never asks them. */
  private refuseDifferences(name: string, filter: Node): void {
    const args = (filter.args ?? []) as Node[];
    if (name === 'tojson') {
      if (args.some((arg) => (arg.key as { value?: string } | undefined)?.value === 'sort_keys'))
        throw new Error('tojson with sort_keys is not supported');
      return;
    }
    const test = args[1]?.value;
    if (
      test !== undefined &&
      !['equalto', 'eq', 'defined', 'true', 'string', 'mapping'].includes(String(test))
    )
      throw new Error(`${name} with the test ${String(test)} is not supported`);
  }

  private test(node: Node, scope: Scope): Value | undefined {
    const { value: name } = node.test as { readonly value: string };
    const answer = applyTest(name, this.evaluate(node.operand, scope));
    return answer === undefined ? undefined : toValue(answer !== (node.negate === true));
  }

  /** Nothing has no parts. A text is indexed by characters; the library counts units of UTF-16. */
  private member(node: Node, scope: Scope): Value | undefined {
    const property = node.property as Node;
    const object = this.evaluate(node.object, scope);
    if (object.type === 'UndefinedValue')
      throw new Error(`a part of ${String((node.object as Node).value ?? 'a value')}, which is undefined`);
    if (node.computed !== true || property.type === 'SliceExpression' || !isText(object)) return undefined;
    const index = this.evaluate(property, scope);
    if (index.type !== 'IntegerValue') return undefined;
    const char = Array.from(object.value as string).at(index.value as number);
    return toValue(char);
  }

  /** Undefined if some are named or unpacked. */
  private plainArguments(args: readonly Node[], scope: Scope): Value[] | undefined {
    const isPlain = args.every(({ type }) => !/Keyword|Spread/.test(type));
    return isPlain ? args.map((arg) => this.evaluate(arg, scope)) : undefined;
  }
}

/** What every template of Jinja has, and none needs. */
const GLOBALS = new Set(['lipsum', 'cycler', 'joiner', 'dict']);

function isComparison(node: Node): boolean {
  const operator =
    node.type === 'BinaryExpression' ? (node.operator as { readonly value: string }).value : '';
  return ['==', '!=', '<', '<=', '>', '>=', 'in', 'not in'].includes(operator);
}

/** Python prints "range(0, 3)" and "dict_items(…)", which is never meant. */
function refuseViews(node: Node): void {
  const callee = node.type === 'CallExpression' ? (node.callee as Node) : undefined;
  const name = callee?.type === 'MemberExpression' ? (callee.property as Node).value : callee?.value;
  const isView =
    callee?.type === 'MemberExpression'
      ? ['items', 'keys', 'values'].includes(String(name))
      : name === 'range';
  if (isView) throw new Error(`printing ${String(name)}() is not supported; make a list of it`);
}

function elementsOf(value: Value): readonly Value[] {
  if (isList(value)) return itemsOf(value);
  if (isMapping(value)) return [...entriesOf(value).keys()].map((key) => toValue(key));
  if (isText(value)) return Array.from(value.value as string, (char) => toValue(char));
  if (value.type === 'UndefinedValue') return [];
  throw new Error(`a loop over a value of type ${value.type}`);
}

function assign(target: Node, item: Value, scope: Scope): void {
  if (target.type === 'Identifier') {
    scope.setVariable(target.value as string, item as never);
    return;
  }
  const names = target.value as readonly Node[];
  const items = elementsOf(item);
  if (items.length !== names.length)
    throw new Error(`${items.length} values for ${names.length} loop variables`);
  for (const [i, name] of names.entries()) assign(name, items[i], scope);
}

function loopFacts(index: number, items: readonly Value[]): Value {
  const { length } = items;
  const facts = toValue({
    index: index + 1,
    index0: index,
    revindex: length - index,
    revindex0: length - index - 1,
    first: index === 0,
    last: index === length - 1,
    length,
  });
  const entries = facts.value as Map<string, Value>;
  entries.set('previtem', items[index - 1] ?? toValue(undefined));
  entries.set('nextitem', items[index + 1] ?? toValue(undefined));
  entries.set(
    'cycle',
    toValue((...values: unknown[]) => values[index % values.length]),
  );
  return facts;
}
