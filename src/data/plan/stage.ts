/**
 * What a stage is: a function from rows to rows, written in TypeScript, that a plan runs between its SQL steps. An executor runs it in
 * processes of its own, one document (or one group of a keyed stage) after another, and restarts it where a document brings it down.
 *
 * A filter of documents is
 *
 *     export const tooShort = defineStage({
 *       name: 'too-short',
 *       version: 1,
 *       input: { doc_no: 'int', text: 'text' },
 *       output: (input) => input,
 *       configure: (fields) => ({ minChars: fields.integer('minChars', { fallback: 200 }) }),
 *       open: ({ minChars }) =>
 *         perDocument((row) => {
 *           const { length } = textOf(row, 'text');
 *           return length < minChars
 *             ? exclude(row, { rule: 'too-short', value: length, limit: minChars })
 *             : { row };
 *         }),
 *     });
 */
import type { ObjectReader } from '../../format/object-reader.ts';
import { numberOf, type Row, type Schema } from './row.ts';

/** Why a document, or some of its lines, did not pass. `rule` is true when read aloud: `too-short`, not `enough-words`. */
export interface Reason {
  readonly rule: string;
  /** What was measured. */
  readonly value?: number;
  /** What `value` was compared with. */
  readonly limit?: number;
  /** What was found: a host, a phrase, the line that was removed. */
  readonly detail?: string;
  /** The document that is kept in its place. */
  readonly kept?: number;
}

export interface DocumentReason extends Reason {
  readonly doc_no: number;
}

/** What a stage reports: exactly one key each. */
export type Emission =
  /** A row of the stage's output table. */
  | { readonly row: Row }
  /** The document is removed; the stage emits no row for it. */
  | { readonly excluded: DocumentReason }
  /** Lines of the document are removed; `value` says how many. The document itself is emitted as a row, or excluded. */
  | { readonly removedLines: DocumentReason }
  /** The document passed, but close to the limit. Reports show such documents next to those that were removed. */
  | { readonly close: DocumentReason }
  /** The document could not be processed: it is in the table of errors, and in no other. */
  | { readonly failed: { readonly doc_no: number; readonly code: string; readonly message: string } };

/**
 * Rows in, emissions out. It is called once for each document, with one row; that of a keyed stage once for each group, with the rows of
 * the group sorted by `doc_no`. So nothing is carried from one to the next, and the stage may be restarted between any two.
 */
export type Process = ((rows: AsyncIterable<Row>) => AsyncIterable<Emission>) & {
  /** Called at the end, where there is something to close. */
  readonly close?: () => Promise<void>;
};

/** Limits for one document (or one group), after which it is given up. */
export interface Budget {
  /** Default 1000 for each document, 60,000 for a group. */
  readonly timeMs?: number;
  /** Memory of the stage's process. Default 1024. */
  readonly memoryMb?: number;
}

export interface Stage<C = unknown> {
  /** Kebab case; names the output folder. */
  readonly name: string;
  /** Raised with every change that changes output: it is part of the hash of each table. */
  readonly version: number;
  /** Columns that it needs. Rows may have others. */
  readonly input: Schema;
  /** Columns of its output, for an input of `input`; a filter returns `input` itself and so passes on what it does not know. */
  readonly output: (input: Schema, config: C) => Schema;
  /** Group rows by this column, an `int`, `int64` or `text`. Absent: documents, sorted by `doc_no`. */
  readonly key?: string;
  readonly budget?: Budget;
  /**
   * Runs inside the worker, without a budget, and its emissions are passed on as they come: for stages that read whole files. An error that
   * it throws fails the step.
   */
  readonly isTrusted?: boolean;
  /** Documents of one task; fewer for slow stages. Default 2048. Never changes what is computed. */
  readonly rowsPerTask?: number;
  /** The fields of the step in the pipeline file; plain JSON, as it is part of the hash and sent to other processes. */
  readonly configure: (fields: ObjectReader) => C;
  /** Files that `config` names (lists, models): their content is part of the hash. Relative to the pipeline file. */
  readonly files?: (config: C) => readonly string[];
  /** Load what the stage needs, once for each process. Throws where something is missing, which fails the step. */
  readonly open: (config: C, environment: StageEnvironment) => Process | Promise<Process>;
}

export interface StageEnvironment {
  /** A path of the configuration as an absolute one. */
  readonly resolve: (path: string) => string;
}

/** For the types: what `configure` returns is what `open` takes. */
export function defineStage<C>(stage: Stage<C>): Stage<C> {
  return stage;
}

/** A process that is a function of the document. */
export function perDocument(
  process: (row: Row) => Emission | readonly Emission[] | Promise<Emission | readonly Emission[]>,
): Process {
  return async function* (rows) {
    for await (const row of rows) {
      const result = process(row);
      const emissions = result instanceof Promise ? await result : result;
      if (isList(emissions)) yield* emissions;
      else yield emissions;
    }
  };
}

/** A process of a keyed stage that holds the whole group in memory. */
export function perGroup(
  process: (rows: readonly Row[]) => Iterable<Emission> | AsyncIterable<Emission>,
): Process {
  return async function* (rows) {
    const group: Row[] = [];
    for await (const row of rows) group.push(row);
    yield* process(group);
  };
}

/** The document of `row` is removed for `reason`. */
export function exclude(row: Row, reason: Reason): Emission {
  return { excluded: { doc_no: numberOf(row, 'doc_no'), ...reason } };
}

function isList(value: Emission | readonly Emission[]): value is readonly Emission[] {
  return Array.isArray(value);
}
