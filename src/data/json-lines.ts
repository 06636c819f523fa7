/** Reads files with one JSON document per line, plain or gzipped. Every error names the file and the line. */
import { FormatError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import { type ReadBytesOptions, readBytes } from './read-bytes.ts';

export type JsonFields = Readonly<Record<string, unknown>>;

export interface JsonLine {
  readonly fields: JsonFields;
  /** Counted from 1. */
  readonly line: number;
  /** Length of the line. */
  readonly numBytes: number;
}

/**
 * The documents of one file, in order; empty lines are passed over. Throws `UsageError` if there is no such file,
 * `FormatError` for a line that is not a JSON object, for a damaged archive and for a file without any document.
 */
export async function* readJsonLines(file: string, options: ReadBytesOptions = {}): AsyncGenerator<JsonLine> {
  let line = 0;
  let numDocuments = 0;
  for await (const bytes of readLines(file, options)) {
    line++;
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (cause) {
      throw badLine(file, line, 'it is not UTF-8 text', cause);
    }
    if (text.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw badLine(file, line, 'it is not JSON', cause);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw badLine(file, line, 'it is not a JSON object');
    }
    numDocuments++;
    yield { fields: value as JsonFields, line, numBytes: bytes.length };
  }
  if (numDocuments > 0) return;
  throw new FormatError(`Cannot use ${file}: it holds no documents`, {
    code: 'empty-corpus',
    hint: 'the file is empty; check how it was made',
  });
}

/** A field that has to be text. Throws `FormatError` with the line. */
export function textField({ fields, line }: JsonLine, name: string, file: string): string {
  const value = fields[name];
  if (typeof value === 'string') return value;
  if (Object.hasOwn(fields, name)) throw badLine(file, line, `its "${name}" is not text`);
  const isChat = Array.isArray(fields.messages);
  throw badLine(file, line, `it has no field "${name}"${isChat ? ', it is a conversation' : ''}`);
}

export function badLine(file: string, line: number, found: string, cause?: unknown): FormatError {
  return new FormatError(`Cannot read line ${formatCount(line)} of ${file}: ${found}`, {
    code: 'bad-document',
    hint: 'every line holds one JSON object; docs/training-data.md shows the fields it needs',
    cause,
  });
}

async function* readLines(file: string, options: ReadBytesOptions): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  for await (const chunk of readBytes(file, options)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const tail = chunk.subarray(start, end);
      yield held.length === 0 ? tail : Buffer.concat([...held, tail]);
      held = [];
      start = end + 1;
    }
    if (start < chunk.length) held.push(chunk.slice(start));
  }
  if (held.length > 0) yield Buffer.concat(held);
}
