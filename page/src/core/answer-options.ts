import { isAllowed, NO_SAMPLING, SAMPLING_FIELDS, SAMPLING_KEYS, type Sampling } from './sampling.ts';

/** How answers are generated: what a request says besides its messages. */
export interface AnswerOptions {
  readonly sampling: Sampling;
  /** Texts that end an answer. */
  readonly stop: readonly string[];
  /** A JSON schema as it was typed; empty for free text. */
  readonly schema: string;
}

export const NO_OPTIONS: AnswerOptions = { sampling: NO_SAMPLING, stop: [], schema: '' };

/** As many as the server takes. */
export const MAX_STOPS = 16;

/** Fields of a request: those that are set. */
export function requestFields({ sampling, stop, schema }: AnswerOptions): Record<string, unknown> {
  const parsed = parseSchema(schema);
  return {
    ...Object.fromEntries(
      SAMPLING_KEYS.flatMap((key) =>
        sampling[key] === null ? [] : [[SAMPLING_FIELDS[key].wire, sampling[key]]],
      ),
    ),
    ...(stop.length > 0 && { stop }),
    ...('schema' in parsed && {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: parsed.schema } },
    }),
  };
}

export type ParsedSchema =
  | { readonly schema: object | boolean }
  | { readonly problem: 'none' | 'notSchema' }
  /** Where reading it failed, as far as the browser says. */
  | { readonly problem: 'notJson'; readonly line: number | undefined };

/** Whether a text is a JSON schema: an object, or true or false. What its keywords mean is the server's to check. */
export function parseSchema(text: string): ParsedSchema {
  if (text.trim() === '') return { problem: 'none' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const at = /position (\d+)/.exec((error as Error).message)?.[1];
    return { problem: 'notJson', line: (at && text.slice(0, Number(at)).split('\n').length) || undefined };
  }
  return isSchema(value) ? { schema: value } : { problem: 'notSchema' };
}

export function isSchema(value: unknown): value is object | boolean {
  return typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value));
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '\\': '\\' };

/** One on each line; `\n` stands for a line break, `\t` for a tab. */
export function parseStops(text: string): readonly string[] {
  const stops = text
    .split('\n')
    .map((line) => line.replace(/\\([nt\\])/g, (_, letter: string) => ESCAPES[letter]))
    .filter((stop) => stop !== '');
  return [...new Set(stops)];
}

export function writeStops(stops: readonly string[]): string {
  return stops
    .map((stop) => stop.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t'))
    .join('\n');
}

/** Options as they were stored. Anything unknown or out of range is dropped. */
export function readOptions(found: Readonly<Record<string, unknown>>): AnswerOptions {
  const numbers = (found.sampling ?? {}) as Record<string, unknown>;
  const stop = Array.isArray(found.stop) ? found.stop : [];
  return {
    sampling: Object.fromEntries(
      SAMPLING_KEYS.map((key) => [key, isAllowed(key, numbers[key]) ? numbers[key] : null]),
    ) as Sampling,
    stop: stop.filter((text): text is string => typeof text === 'string' && text !== '').slice(0, MAX_STOPS),
    schema: typeof found.schema === 'string' ? found.schema : '',
  };
}

export function sameOptions(a: AnswerOptions, b: AnswerOptions): boolean {
  return (
    SAMPLING_KEYS.every((key) => a.sampling[key] === b.sampling[key]) &&
    String(a.stop) === String(b.stop) &&
    a.schema === b.schema
  );
}
