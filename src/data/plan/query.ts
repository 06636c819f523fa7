/**
 * Relational queries as data: what a plan's SQL steps compute, without saying on which engine. Only operators and expressions are
 * allowed whose meaning DuckDB and Spark share; `print-sql.ts` prints them for both. There are no engine hash functions, no implicit
 * casts, and the order of nulls is always stated.
 */
import { InternalError } from '../../core/errors.ts';
import type { ColumnType, Schema } from './row.ts';

export type Expression =
  | { readonly op: 'column'; readonly name: string }
  | {
      readonly op: 'literal';
      readonly type: 'text' | 'int' | 'bool';
      readonly value: string | number | boolean;
    }
  | { readonly op: 'null'; readonly type: ColumnType }
  | {
      readonly op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly op: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly op: 'not' | 'isNull'; readonly of: Expression }
  /** Whole numbers; both engines refuse an overflow. */
  | { readonly op: 'add' | 'subtract'; readonly left: Expression; readonly right: Expression }
  | { readonly op: 'coalesce'; readonly left: Expression; readonly right: Expression };

export type Aggregate =
  | { readonly fn: 'count' }
  | { readonly fn: 'min' | 'max'; readonly column: string }
  /** Of whole numbers: sums of floats depend on their order. */
  | { readonly fn: 'sum'; readonly column: string }
  /** The values that are not null, in ascending order. */
  | { readonly fn: 'collect'; readonly column: string };

/** Ascending, nulls first. */
export type Order = readonly string[];

export type Query =
  | { readonly op: 'scan'; readonly table: string; readonly schema: Schema }
  | { readonly op: 'project'; readonly input: Query; readonly columns: Readonly<Record<string, Expression>> }
  | { readonly op: 'filter'; readonly input: Query; readonly where: Expression }
  /** `inner` and `left` append the columns of `right` that are not in `on`. Nulls match nothing. */
  | {
      readonly op: 'join';
      readonly kind: 'inner' | 'left' | 'semi' | 'anti';
      readonly left: Query;
      readonly right: Query;
      readonly on: readonly string[];
    }
  | {
      readonly op: 'group';
      readonly input: Query;
      readonly by: readonly string[];
      readonly aggregates: Readonly<Record<string, Aggregate>>;
    }
  /** Appends a column with 1, 2, 3… in each partition. */
  | {
      readonly op: 'rowNumber';
      readonly input: Query;
      readonly partitionBy: readonly string[];
      readonly orderBy: Order;
      readonly as: string;
    }
  /** A row for each element of a list; none for an empty list or null. The element takes the place of the list. */
  | { readonly op: 'explode'; readonly input: Query; readonly column: string; readonly as: string }
  /** All rows of both, which have the same columns. */
  | { readonly op: 'union'; readonly left: Query; readonly right: Query }
  /** The first rows in an order. */
  | { readonly op: 'limit'; readonly input: Query; readonly orderBy: Order; readonly count: number };

export const column = (name: string): Expression => ({ op: 'column', name });
export const text = (value: string): Expression => ({ op: 'literal', type: 'text', value });
export const int = (value: number): Expression => ({ op: 'literal', type: 'int', value });
export const compare = (
  op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge',
  left: Expression,
  right: Expression,
): Expression => ({ op, left, right });

export const scan = (table: string, schema: Schema): Query => ({ op: 'scan', table, schema });

/** Some columns as they are. */
export function select(input: Query, names: readonly string[]): Query {
  return { op: 'project', input, columns: Object.fromEntries(names.map((name) => [name, column(name)])) };
}

/** Names of the tables that a query reads, each once. */
export function tablesOf(query: Query): string[] {
  if (query.op === 'scan') return [query.table];
  const inputs = 'input' in query ? [query.input] : [query.left, query.right];
  return [...new Set(inputs.flatMap(tablesOf))];
}

const ELEMENT: Partial<Record<ColumnType, ColumnType>> = { texts: 'text', ints: 'int', int64s: 'int64' };
const LIST: Partial<Record<ColumnType, ColumnType>> = { text: 'texts', int: 'ints', int64: 'int64s' };

/** Columns of the result. Throws `InternalError` for a query that no engine could run, or that the two would run differently. */
export function schemaOf(query: Query): Schema {
  switch (query.op) {
    case 'scan':
      return query.schema;
    case 'project': {
      const input = schemaOf(query.input);
      return mapValues(query.columns, (expression) => typeOf(expression, input));
    }
    case 'filter': {
      const input = schemaOf(query.input);
      expectType(query.where, input, ['bool']);
      return input;
    }
    case 'join':
      return joined(query, schemaOf(query.left), schemaOf(query.right));
    case 'group': {
      const input = schemaOf(query.input);
      const by = Object.fromEntries(query.by.map((name) => [name, typeOf(column(name), input)]));
      return { ...by, ...mapValues(query.aggregates, (aggregate) => aggregateType(aggregate, input)) };
    }
    case 'rowNumber': {
      const input = schemaOf(query.input);
      for (const name of [...query.partitionBy, ...query.orderBy]) typeOf(column(name), input);
      return { ...input, [query.as]: 'int' };
    }
    case 'explode': {
      const input = schemaOf(query.input);
      const element = ELEMENT[typeOf(column(query.column), input)];
      if (!element) throw wrong(`explode of ${query.column}, which is not a list`);
      return Object.fromEntries(
        Object.entries(input).map(([name, type]) =>
          name === query.column ? [query.as, element] : [name, type],
        ),
      );
    }
    case 'union': {
      const [left, right] = [schemaOf(query.left), schemaOf(query.right)];
      if (JSON.stringify(left) !== JSON.stringify(right)) throw wrong('union of different columns');
      return left;
    }
    case 'limit': {
      const input = schemaOf(query.input);
      for (const name of query.orderBy) typeOf(column(name), input);
      return input;
    }
  }
}

function joined({ kind, on }: Extract<Query, { op: 'join' }>, left: Schema, right: Schema): Schema {
  for (const name of on) {
    if (typeOf(column(name), left) !== typeOf(column(name), right))
      throw wrong(`join on ${name} of two types`);
  }
  if (kind === 'semi' || kind === 'anti') return left;
  const added = Object.entries(right).filter(([name]) => !on.includes(name));
  for (const [name] of added) if (Object.hasOwn(left, name)) throw wrong(`join with two columns ${name}`);
  return { ...left, ...Object.fromEntries(added) };
}

function aggregateType(aggregate: Aggregate, input: Schema): ColumnType {
  if (aggregate.fn === 'count') return 'int';
  const type = typeOf(column(aggregate.column), input);
  if (aggregate.fn === 'sum' && type !== 'int') throw wrong(`sum of ${aggregate.column}: ${type}`);
  if (aggregate.fn !== 'collect') return type;
  const list = LIST[type];
  if (!list) throw wrong(`collect of ${aggregate.column}: ${type}`);
  return list;
}

/** The type of an expression over rows of `input`. */
export function typeOf(expression: Expression, input: Schema): ColumnType {
  switch (expression.op) {
    case 'column':
      if (Object.hasOwn(input, expression.name)) return input[expression.name];
      throw wrong(`there is no column ${expression.name} among ${Object.keys(input).join(', ')}`);
    case 'literal':
    case 'null':
      return expression.type;
    case 'and':
    case 'or':
      expectType(expression.left, input, ['bool']);
      return expectType(expression.right, input, ['bool']);
    case 'not':
      return expectType(expression.of, input, ['bool']);
    case 'isNull':
      typeOf(expression.of, input);
      return 'bool';
    case 'add':
    case 'subtract':
      expectType(expression.left, input, ['int']);
      return expectType(expression.right, input, ['int']);
    case 'coalesce':
      return expectType(expression.right, input, [typeOf(expression.left, input)]);
    default:
      expectType(expression.right, input, [typeOf(expression.left, input)]);
      return 'bool';
  }
}

function expectType(expression: Expression, input: Schema, types: readonly ColumnType[]): ColumnType {
  const type = typeOf(expression, input);
  if (!types.includes(type)) throw wrong(`${expression.op} is ${type}, not ${types.join(' or ')}`);
  return type;
}

function wrong(what: string): InternalError {
  return new InternalError(`a query of the plan is wrong: ${what}`);
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, f: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]));
}
