/** Tables of the local executor as SQL: which Parquet files a node has written, or a range of their rows. */
import { join } from 'node:path';
import type { Manifest, TableFile } from '../manifest.ts';
import { ERROR, EXCLUSION, EXCLUSIONS_SUFFIX } from '../plan.ts';
import { DUCKDB, printExpression, printQuery } from '../print-sql.ts';
import { compare, type Expression, int, type Order, type Query, text } from '../query.ts';
import type { Row, Schema, Value } from '../row.ts';
import type { Database } from './database.ts';

/** A node that is done. */
export interface DoneNode {
  readonly folder: string;
  readonly manifest: Manifest;
}

export type DoneNodes = ReadonlyMap<string, DoneNode>;

/** Half open, in the first column of a table's order; open ended where a bound is missing. */
export interface Range {
  readonly column: string;
  readonly from?: Value;
  readonly to?: Value;
}

/** All rows of the table of a node. */
export function tableSql({ folder, manifest }: DoneNode): string {
  return filesSql(folder, manifest.files, manifest.schema);
}

export function exclusionsSql({ folder, manifest }: DoneNode): string {
  return filesSql(folder, manifest.exclusions, EXCLUSION);
}

export function errorsSql({ folder, manifest }: DoneNode): string {
  return filesSql(folder, manifest.errors, ERROR);
}

function filesSql(folder: string, files: readonly TableFile[], schema: Schema): string {
  if (files.length > 0) {
    const paths = files.map(({ name }) => DUCKDB.text(join(folder, name)));
    return `read_parquet([${paths.join(', ')}])`;
  }
  const columns = Object.entries(schema).map(
    ([name, type]) => `CAST(NULL AS ${DUCKDB.types[type]}) AS ${DUCKDB.identifier(name)}`,
  );
  return `(SELECT ${columns.join(', ')} WHERE FALSE)`;
}

/** A query over tables that exist. With a range, of those tables that have its column only the rows in it. */
export function querySql(query: Query, nodes: DoneNodes, order?: Order, range?: Range): string {
  const source = (table: string): string => {
    const isExclusions = table.endsWith(EXCLUSIONS_SUFFIX);
    const node = nodes.get(isExclusions ? table.slice(0, -EXCLUSIONS_SUFFIX.length) : table);
    if (!node) throw new Error(`internal: table ${table} does not exist yet`);
    const sql = isExclusions ? exclusionsSql(node) : tableSql(node);
    const schema: Schema = isExclusions ? EXCLUSION : node.manifest.schema;
    const where = range && Object.hasOwn(schema, range.column) ? rangeSql(range) : undefined;
    return where === undefined ? sql : `(SELECT * FROM ${sql} WHERE ${where})`;
  };
  return printQuery(query, DUCKDB, source, { ...(order && { orderBy: order }) });
}

function rangeSql({ column, from, to }: Range): string | undefined {
  const name: Expression = { op: 'column', name: column };
  const parts = [
    ...(from === undefined ? [] : [compare('ge', name, literal(from))]),
    ...(to === undefined ? [] : [compare('lt', name, literal(to))]),
  ];
  if (parts.length === 0) return undefined;
  return parts.map((part) => printExpression(part, DUCKDB)).join(' AND ');
}

function literal(value: Value): Expression {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'bigint') return { op: 'literal', type: 'int', value: String(value) };
  return int(value as number);
}

/** At most so many tasks for a step, however many documents there are. */
const MAX_TASKS = 4096;

/** Ranges of about `rowsPerTask` rows of a table, the same however many workers there are. No range for no rows. */
export async function rangesOf(
  database: Database,
  { folder, manifest }: DoneNode,
  rowsPerTask: number,
): Promise<Range[]> {
  const [column] = manifest.order;
  if (manifest.totals.rows === 0) return [];
  const step = Math.max(rowsPerTask, Math.ceil(manifest.totals.rows / MAX_TASKS));
  const name = DUCKDB.identifier(column);
  const sql =
    `SELECT DISTINCT ${name} FROM (SELECT ${name}, row_number() OVER (ORDER BY ${name}) AS n ` +
    `FROM ${filesSql(folder, manifest.files, manifest.schema)}) WHERE n % ${step} = 1 OR ${step} = 1 ORDER BY ${name}`;
  const starts = (await database.all(sql, { [column]: manifest.schema[column] })).map(
    (row: Row) => row[column],
  );
  return starts.map((from, i) => ({
    column,
    ...(i > 0 && { from }),
    ...(i + 1 < starts.length && { to: starts[i + 1] }),
  }));
}
