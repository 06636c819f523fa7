/** Rows of a table, and what their columns hold. */
import { InternalError } from '../../core/errors.ts';

/**
 * The types of columns, the same in TypeScript, DuckDB and Spark. `int` is a number that JavaScript holds exactly (up to 2^53), `int64` a
 * bigint from -2^63 to 2^63 - 1, such as a hash. Every column may hold null, but for `doc_no`.
 */
export type ColumnType = 'text' | 'int' | 'int64' | 'float' | 'bool' | 'texts' | 'ints' | 'int64s';

export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly string[]
  | readonly number[]
  | readonly bigint[];

export type Row = Readonly<Record<string, Value>>;

/** Columns of a table with their types, in the order in which the table stores them. */
export type Schema = Readonly<Record<string, ColumnType>>;

/**
 * A document as the steps pass it on. `doc_no` is the number of its file times 2^32 plus its number in the file, given once by `scan`: it
 * sorts all tables of documents and names the document everywhere else.
 */
export const DOCUMENT = {
  doc_no: 'int',
  /** What the input calls it: a record id, or a field `id`. */
  id: 'text',
  url: 'text',
  title: 'text',
  /** Lines end with a line feed. */
  text: 'text',
  page_type: 'text',
  /** ISO 639 code and its probability, from the step `lid` on. */
  lang: 'text',
  lang_score: 'float',
} as const satisfies Schema;

export const RECORDS_PER_FILE = 2 ** 32;
/** Numbers of documents stay exact in JavaScript. */
export const MAX_FILES = 2 ** 21;

export function docNo(file: number, record: number): number {
  if (file >= MAX_FILES || record >= RECORDS_PER_FILE)
    throw new InternalError(`record ${record} of file ${file} has no number`);
  return file * RECORDS_PER_FILE + record;
}

/** A column that has to be text. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new InternalError(`column ${column} of document ${row.doc_no} is ${typeof value}, not text`);
}

/** A column that has to be a number: an `int` or a `float`. */
export function numberOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value === 'number') return value;
  throw new InternalError(`column ${column} of document ${row.doc_no} is ${typeof value}, not a number`);
}
