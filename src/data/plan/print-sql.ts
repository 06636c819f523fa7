/** Prints queries as SQL, each operator as one named subquery, in the dialects of DuckDB and of Spark (3.5 and 4). */
import { type Aggregate, type Expression, type Order, type Query, schemaOf } from './query.ts';
import type { ColumnType, Schema } from './row.ts';

/** Where the two engines write the same thing in different ways. Everything else is printed by the same code. */
export interface Dialect {
  readonly name: 'duckdb' | 'spark';
  readonly identifier: (name: string) => string;
  readonly text: (value: string) => string;
  readonly types: Readonly<Record<ColumnType, string>>;
  readonly semiJoin: string;
  readonly antiJoin: string;
  readonly explode: string;
  /** Sorted values that are not null. */
  readonly collect: (column: string) => string;
}

const SPARK_TYPES = {
  text: 'STRING',
  int: 'BIGINT',
  int64: 'BIGINT',
  float: 'DOUBLE',
  bool: 'BOOLEAN',
  texts: 'ARRAY<STRING>',
  ints: 'ARRAY<BIGINT>',
  int64s: 'ARRAY<BIGINT>',
} as const;

export const DUCKDB: Dialect = {
  name: 'duckdb',
  identifier: (name) => `"${name.replaceAll('"', '""')}"`,
  text: (value) => `'${value.replaceAll("'", "''")}'`,
  types: {
    ...SPARK_TYPES,
    text: 'VARCHAR',
    texts: 'VARCHAR[]',
    ints: 'BIGINT[]',
    int64s: 'BIGINT[]',
  },
  semiJoin: 'SEMI JOIN',
  antiJoin: 'ANTI JOIN',
  explode: 'unnest',
  collect: (column) =>
    `coalesce(list_sort(list(${column}) FILTER (WHERE ${column} IS NOT NULL), 'ASC', 'NULLS FIRST'), [])`,
};

export const SPARK: Dialect = {
  name: 'spark',
  identifier: (name) => `\`${name.replaceAll('`', '``')}\``,
  // A backslash escapes in Spark's literals.
  text: (value) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`,
  types: SPARK_TYPES,
  semiJoin: 'LEFT SEMI JOIN',
  antiJoin: 'LEFT ANTI JOIN',
  explode: 'explode',
  collect: (column) => `sort_array(collect_list(${column}))`,
};

/** What stands for a table of the plan: `read_parquet([…])`, or a path for Spark. */
export type TableSource = (table: string) => string;

export interface PrintOptions {
  /** Of the whole result; rows of equal keys come in any order. */
  readonly orderBy?: Order;
}

/** A SELECT statement without a semicolon. */
export function printQuery(
  query: Query,
  dialect: Dialect,
  source: TableSource,
  options: PrintOptions = {},
): string {
  schemaOf(query);
  const parts: string[] = [];
  const last = add(query, dialect, source, parts);
  const order = options.orderBy ? ` ${orderBy(options.orderBy, dialect)}` : '';
  if (parts.length === 0) return `SELECT * FROM ${last}${order}`;
  return `WITH ${parts.join(',\n')}\nSELECT * FROM ${last}${order}`;
}

/** Appends the subqueries of `query` and gives back what stands for its result. */
function add(query: Query, dialect: Dialect, source: TableSource, parts: string[]): string {
  const { identifier: id } = dialect;
  const name = (body: string): string => {
    const table = `q${parts.length + 1}`;
    parts.push(`${table} AS (${body})`);
    return table;
  };
  const list = (names: readonly string[]): string => names.map(id).join(', ');
  const inner = (input: Query): string => add(input, dialect, source, parts);
  switch (query.op) {
    case 'scan':
      return name(`SELECT ${list(Object.keys(query.schema))} FROM ${source(query.table)}`);
    case 'project': {
      const columns = Object.entries(query.columns).map(
        ([as, expression]) => `${printExpression(expression, dialect)} AS ${id(as)}`,
      );
      return name(`SELECT ${columns.join(', ')} FROM ${inner(query.input)}`);
    }
    case 'filter':
      return name(`SELECT * FROM ${inner(query.input)} WHERE ${printExpression(query.where, dialect)}`);
    case 'join': {
      const left = inner(query.left);
      const right = inner(query.right);
      const columns = columnsOfJoin(query, dialect);
      const on = query.on.map((key) => `l.${id(key)} = r.${id(key)}`).join(' AND ');
      const kind = {
        inner: 'INNER JOIN',
        left: 'LEFT JOIN',
        semi: dialect.semiJoin,
        anti: dialect.antiJoin,
      }[query.kind];
      return name(`SELECT ${columns} FROM ${left} AS l ${kind} ${right} AS r ON ${on}`);
    }
    case 'group': {
      const input = schemaOf(query.input);
      const aggregates = Object.entries(query.aggregates).map(
        ([as, aggregate]) => `${printAggregate(aggregate, dialect, input)} AS ${id(as)}`,
      );
      const by = query.by.length > 0 ? ` GROUP BY ${list(query.by)}` : '';
      return name(
        `SELECT ${[...query.by.map(id), ...aggregates].join(', ')} FROM ${inner(query.input)}${by}`,
      );
    }
    case 'rowNumber': {
      const partition = query.partitionBy.length > 0 ? `PARTITION BY ${list(query.partitionBy)} ` : '';
      const over = `${partition}${orderBy(query.orderBy, dialect)}`;
      const number = `CAST(row_number() OVER (${over}) AS ${dialect.types.int})`;
      return name(`SELECT *, ${number} AS ${id(query.as)} FROM ${inner(query.input)}`);
    }
    case 'explode': {
      const columns = Object.keys(schemaOf(query.input)).map((column) =>
        column === query.column ? `${dialect.explode}(${id(column)}) AS ${id(query.as)}` : id(column),
      );
      return name(`SELECT ${columns.join(', ')} FROM ${inner(query.input)}`);
    }
    case 'union': {
      const [left, right] = [inner(query.left), inner(query.right)];
      return name(`SELECT * FROM ${left} UNION ALL SELECT * FROM ${right}`);
    }
    case 'limit':
      return name(
        `SELECT * FROM ${inner(query.input)} ${orderBy(query.orderBy, dialect)} LIMIT ${query.count}`,
      );
  }
}

function columnsOfJoin(query: Extract<Query, { op: 'join' }>, { identifier: id }: Dialect): string {
  const left = Object.keys(schemaOf(query.left)).map((name) => `l.${id(name)}`);
  if (query.kind === 'semi' || query.kind === 'anti') return left.join(', ');
  const right = Object.keys(schemaOf(query.right)).filter((name) => !query.on.includes(name));
  return [...left, ...right.map((name) => `r.${id(name)}`)].join(', ');
}

function printAggregate(aggregate: Aggregate, dialect: Dialect, input: Schema): string {
  if (aggregate.fn === 'count') return 'count(*)';
  const column = dialect.identifier(aggregate.column);
  switch (aggregate.fn) {
    case 'collect':
      return dialect.collect(column);
    case 'sum':
      // DuckDB sums into 128 bits.
      return `CAST(sum(${column}) AS ${dialect.types[input[aggregate.column]]})`;
    default:
      return `${aggregate.fn}(${column})`;
  }
}

const OPERATORS = {
  eq: '=',
  ne: '<>',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  and: 'AND',
  or: 'OR',
  add: '+',
  subtract: '-',
} as const;

export function printExpression(expression: Expression, dialect: Dialect): string {
  const print = (inner: Expression): string => printExpression(inner, dialect);
  switch (expression.op) {
    case 'column':
      return dialect.identifier(expression.name);
    case 'literal':
      if (expression.type === 'text') return dialect.text(String(expression.value));
      if (expression.type === 'bool') return expression.value ? 'TRUE' : 'FALSE';
      return `CAST(${expression.value} AS ${dialect.types.int})`;
    case 'null':
      return `CAST(NULL AS ${dialect.types[expression.type]})`;
    case 'not':
      return `(NOT ${print(expression.of)})`;
    case 'isNull':
      return `(${print(expression.of)} IS NULL)`;
    case 'coalesce':
      return `coalesce(${print(expression.left)}, ${print(expression.right)})`;
    default:
      return `(${print(expression.left)} ${OPERATORS[expression.op]} ${print(expression.right)})`;
  }
}

function orderBy(order: Order, { identifier }: Dialect): string {
  return `ORDER BY ${order.map((name) => `${identifier(name)} ASC NULLS FIRST`).join(', ')}`;
}
