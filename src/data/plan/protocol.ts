/**
 * Stage protocol v1: how rows reach the process of a stage, and what it answers. One JSON object per line; whole numbers are strings, as
 * JSON numbers end at 2^53 in some readers.
 *
 *     stdin   {"doc_no":"123","text":"…"}
 *     stdout  {"r":{…}}                                            row of the output
 *             {"x":{"doc_no":"123","rule":"too-short","value":12}}   document removed; "l" lines removed, "c" close to the limit
 *             {"e":{"doc_no":"123","code":"timeout","msg":"…"}}     document given up
 *             {"a":2}                                              units (documents, groups) that are complete up to here
 *             {"t":{"in":1000,"out":990,"err":10,"sha256":"…","stage":"rules@…"}}   once, last
 *
 * The trailer counts and digests all lines before it, so that output which was cut off or changed on the way is never taken for whole.
 */
import { createHash, type Hash } from 'node:crypto';
import { FormatError, InternalError } from '../../core/errors.ts';
import type { ColumnType, Row, Schema, Value } from './row.ts';
import type { DocumentReason, Emission } from './stage.ts';

type Json = Record<string, unknown>;

/** A row as an object of the protocol, with the columns of `schema` in their order. */
export function rowToJson(row: Row, schema: Schema): Json {
  const json: Json = {};
  for (const name in schema) json[name] = valueToJson(row[name], schema[name], name);
  return json;
}

export function rowFromJson(json: Json, schema: Schema): Row {
  const row: Record<string, Value> = {};
  for (const name in schema) row[name] = valueFromJson(json[name], schema[name]);
  return row;
}

function valueToJson(value: Value | undefined, type: ColumnType, name: string): unknown {
  if (value === null) return null;
  switch (type) {
    case 'text':
      // A surrogate without its other half has no UTF-8, and no table could store it.
      if (typeof value === 'string') return wellFormed(value);
      break;
    case 'bool':
      if (typeof value === 'boolean') return value;
      break;
    case 'float':
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      break;
    case 'int':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
      break;
    case 'int64':
      if (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) return String(value);
      break;
    case 'texts':
      if (Array.isArray(value)) return value.map((one) => wellFormed(String(one)));
      break;
    default:
      if (Array.isArray(value)) return value.map(String);
  }
  throw new InternalError(`column ${name} holds ${String(value)}, which is not ${type}`);
}

function valueFromJson(value: unknown, type: ColumnType): Value {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'int':
      return Number(value);
    case 'int64':
      return BigInt(value as string);
    case 'ints':
      return (value as string[]).map(Number);
    case 'int64s':
      return (value as string[]).map(BigInt);
    default:
      return value as Value;
  }
}

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function wellFormed(text: string): string {
  // Most texts have no surrogate at all, which this class finds at the speed of memory.
  return /[\ud800-\udfff]/.test(text) ? text.replace(LONE_SURROGATE, '\ufffd') : text;
}

/** One emission as a line, without its line feed. */
export function emissionToLine(emission: Emission, output: Schema): string {
  if ('row' in emission) return JSON.stringify({ r: rowToJson(emission.row, output) });
  if ('excluded' in emission) return JSON.stringify({ x: reasonToJson(emission.excluded) });
  if ('removedLines' in emission) return JSON.stringify({ l: reasonToJson(emission.removedLines) });
  if ('close' in emission) return JSON.stringify({ c: reasonToJson(emission.close) });
  const { doc_no, code, message } = emission.failed;
  return JSON.stringify({ e: { doc_no: String(doc_no), code, msg: message } });
}

export interface Trailer {
  readonly in: number;
  readonly out: number;
  readonly err: number;
  readonly sha256: string;
  readonly stage: string;
}

export type Answer =
  | { readonly emission: Emission }
  | { readonly unitsDone: number }
  | { readonly trailer: Trailer };

/** Throws `FormatError` for a line that is not of the protocol: something else wrote to stdout, or output was cut. */
export function answerFromLine(line: string, output: Schema): Answer {
  let json: Json;
  try {
    json = JSON.parse(line) as Json;
  } catch (cause) {
    throw corrupt(`a line is not JSON: ${line.slice(0, 80)}`, cause);
  }
  if (json.r) return { emission: { row: rowFromJson(json.r as Json, output) } };
  if (json.x) return { emission: { excluded: reasonFromJson(json.x as Json) } };
  if (json.l) return { emission: { removedLines: reasonFromJson(json.l as Json) } };
  if (json.c) return { emission: { close: reasonFromJson(json.c as Json) } };
  if (json.e) {
    const { doc_no, code, msg } = json.e as Record<string, string>;
    return { emission: { failed: { doc_no: Number(doc_no), code, message: msg } } };
  }
  if (typeof json.a === 'number') return { unitsDone: json.a };
  if (json.t) return { trailer: json.t as Trailer };
  throw corrupt(`a line has no known key: ${line.slice(0, 80)}`);
}

function reasonToJson({ doc_no, kept, detail, ...rest }: DocumentReason): Json {
  return {
    doc_no: String(doc_no),
    ...rest,
    ...(detail !== undefined && { detail: wellFormed(detail) }),
    ...(kept !== undefined && { kept: String(kept) }),
  };
}

function reasonFromJson({ doc_no, kept, ...rest }: Json): DocumentReason {
  return {
    doc_no: Number(doc_no),
    ...(rest as { rule: string }),
    ...(kept !== undefined && { kept: Number(kept) }),
  };
}

/** Counts and digests the lines of one side; the trailer holds what the writer has counted. */
export class LineTotals {
  numIn = 0;
  private numOut = 0;
  private numErrors = 0;
  private readonly hash: Hash = createHash('sha256');

  /** A line without its line feed. */
  add(line: string): void {
    if (line.startsWith('{"r"')) this.numOut++;
    if (line.startsWith('{"e"')) this.numErrors++;
    this.hash.update(line).update('\n');
  }

  trailer(stage: string): Trailer {
    return {
      in: this.numIn,
      out: this.numOut,
      err: this.numErrors,
      sha256: this.hash.digest('hex'),
      stage,
    };
  }
}

/** Throws `FormatError` where the trailer of a stage differs from what arrived. */
export function checkTrailer(expected: Trailer, received: Trailer): void {
  for (const key of ['stage', 'in', 'out', 'err', 'sha256'] as const) {
    if (expected[key] === received[key]) continue;
    throw corrupt(`its trailer says ${key} ${received[key]}, but ${expected[key]} arrived`);
  }
}

export function corrupt(what: string, cause?: unknown): FormatError {
  return new FormatError(`Cannot use the output of a stage: ${what}`, {
    code: 'corrupt-stage-output',
    hint: 'run it again; if it happens again, a stage prints to stdout or memory is faulty',
    cause,
  });
}
