/**
 * What a request may hold. Every field is declared once: its type, what becomes of it and what it means. The declarations check
 * requests, say what `--strict` refuses (in nested objects too), and are the table in docs/serving.md.
 *
 * What changes the meaning of a request and is not supported is refused by name, with what to do instead. Annotations and hints
 * are ignored.
 */
import { z } from 'zod';
import { badRequest } from '../api-error.ts';

export interface FieldFacts {
  readonly use: 'supported' | 'ignored' | 'refused';
  /** What it means; why it is ignored; what to do instead. */
  readonly note: string;
  /** A field of another route. */
  readonly isForeign?: boolean;
}

/** Of the fields of requests, by their types. */
export const FIELD_FACTS = z.registry<FieldFacts>();

/** A field that may be missing or `null`, which mean the same. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** A field that has an effect. */
export function field<T extends z.ZodType>(type: T, note: string): T {
  // A clone: the same type may be several fields.
  const own = type.clone() as z.ZodType;
  return own.register(FIELD_FACTS, { use: 'supported', note }) as T;
}

/** A field that clients send and that changes nothing about an answer. */
export function ignored(note: string) {
  return z.unknown().optional().register(FIELD_FACTS, { use: 'ignored', note });
}

/** A field that would change the answer if it were supported. `isNeutral`: values that ask for nothing, such as a penalty of zero. */
export function refused(note: string, isNeutral: (value: unknown) => boolean = () => false) {
  const type = z
    .unknown()
    .optional()
    .superRefine((value, context) => {
      if (value === undefined || value === null || isNeutral(value)) return;
      context.addIssue({
        code: 'custom',
        message: `is not supported; ${note}`,
        params: { code: UNSUPPORTED },
      });
    });
  return type.register(FIELD_FACTS, { use: 'refused', note });
}

/**
 * The fields of another route that `own` lacks and that would change an answer: refused, for they would do nothing here. Their
 * values are not part of the parsed request.
 */
export function foreignFields(
  shape: Readonly<Record<string, z.ZodType>>,
  own: object,
  advice: string,
): Readonly<Record<never, never>> {
  const fields: Record<string, z.ZodType> = {};
  for (const [name, type] of Object.entries(shape)) {
    const facts = FIELD_FACTS.get(type);
    if (Object.hasOwn(own, name) || facts?.use === 'ignored') continue;
    fields[name] = refused(advice).register(FIELD_FACTS, { use: 'refused', note: advice, isForeign: true });
  }
  return fields;
}

/** For `refused`: the field asks for nothing with one of these values. */
export function oneOf(...values: readonly unknown[]): (value: unknown) => boolean {
  return (value) => values.some((one) => JSON.stringify(one) === JSON.stringify(value));
}

const UNSUPPORTED = 'unsupported_parameter';

/** 400 for a field that is not supported in this request. `advice`: what to do. */
export function unsupportedField(name: string, advice: string) {
  return badRequest(`${name}: is not supported; ${advice}`, name, UNSUPPORTED);
}

/**
 * Only the first fault is reported, and a list may have a million. Zod knows the option, of its `validate`, but does not declare
 * it for `safeParse`.
 */
const FIRST_FAULT = { abortEarly: true } as z.core.ParseContext<z.core.$ZodIssue>;

/** A schema's value, or 400 that names the field. Unknown fields are dropped, or refused if `strict`. */
export function parseRequest<T extends z.ZodObject>(
  schema: T,
  body: Readonly<Record<string, unknown>>,
  strict: boolean,
): z.output<T> {
  const result = schema.safeParse(body, FIRST_FAULT);
  if (!result.success) {
    const { path, message, code } = deepest(result.error.issues[0]);
    const param = fieldName(path);
    throw badRequest(param === '' ? message : `${param}: ${message}`, param, code);
  }
  const [unknown] = strict ? unknownFields(schema, body) : [];
  if (unknown !== undefined)
    throw badRequest(`Unknown field ${JSON.stringify(unknown)}`, unknown, 'unknown_field');
  return result.data;
}

/** Names of the fields, also of nested objects, that nothing is declared for. The value must be valid. */
export function unknownFields(
  schema: z.core.$ZodType,
  value: unknown,
  path: readonly PropertyKey[] = [],
): string[] {
  const { def } = (schema as z.ZodType)._zod as unknown as { def: Definition };
  const inside = (type: z.core.$ZodType | undefined, item: unknown, key: PropertyKey): string[] =>
    type ? unknownFields(type, item, [...path, key]) : [fieldName([...path, key])];
  if (def.innerType) return unknownFields(def.innerType, value, path);
  if (def.in) return unknownFields(def.in, value, path);
  if (typeof value !== 'object' || value === null) return [];
  if (def.options) {
    const fitting = def.options.filter((option) => z.safeParse(option, value).success);
    const lists = fitting.map((option) => unknownFields(option, value, path));
    return lists.sort((a, b) => a.length - b.length)[0] ?? [];
  }
  if (Array.isArray(value)) {
    const { element } = def;
    return element ? value.flatMap((item, i) => inside(element, item, i)) : [];
  }
  const { shape } = def;
  // With a catch-all, any key is meant.
  if (!shape || def.catchall) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    inside(Object.hasOwn(shape, key) ? shape[key] : undefined, item, key),
  );
}

/** What types of Zod are made of, as far as fields can be inside. */
interface Definition {
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly element?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly catchall?: z.core.$ZodType;
}

type Issue = z.core.$ZodIssue;

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code: string;
}

/** Of the alternatives of a union, the one that got furthest says best what is wrong. */
function deepest(issue: Issue): Fault {
  const code = issue.code === 'custom' ? (issue.params?.code ?? 'invalid_value') : 'invalid_value';
  if (issue.code !== 'invalid_union' || issue.errors.length === 0)
    return { path: issue.path, message: issue.message, code };
  const inner = issue.errors
    .filter((issues) => issues.length > 0)
    .map((issues) => deepest(issues[0]))
    .sort((a, b) => b.path.length - a.path.length);
  if (inner.length === 0 || inner[0].path.length === 0)
    return {
      path: issue.path,
      message: inner.map(({ message }) => message).join(', or ') || issue.message,
      code,
    };
  return { ...inner[0], path: [...issue.path, ...inner[0].path] };
}

/** `['messages', 2, 'content']` -> `messages[2].content`. */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? String(part) : `.${String(part)}`))
    .join('');
}
