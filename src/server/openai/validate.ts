import { z } from 'zod';
import { badRequest } from '../api-error.ts';

/** A field that may be missing or `null`, which mean the same. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value) => value ?? undefined);
}

/** A field that clients send and that has no effect here. */
export const ignored = z.unknown().optional();

/** A schema's value, or 400 that names the field. Unknown fields are dropped, or refused if `strict`. */
export function parseRequest<T extends z.ZodObject>(
  schema: T,
  body: Readonly<Record<string, unknown>>,
  strict: boolean,
): z.output<T> {
  const unknown = strict ? Object.keys(body).find((key) => !Object.hasOwn(schema.shape, key)) : undefined;
  if (unknown !== undefined)
    throw badRequest(`Unknown field ${JSON.stringify(unknown)}`, unknown, 'unknown_field');
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const { path, message } = deepest(result.error.issues[0]);
  const param = fieldName(path);
  throw badRequest(param === '' ? message : `${param}: ${message}`, param);
}

type Issue = z.core.$ZodIssue;

/** Of the alternatives of a union, the one that got furthest says best what is wrong. */
function deepest(issue: Issue): { path: readonly PropertyKey[]; message: string } {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue;
  const inner = issue.errors
    .filter((issues) => issues.length > 0)
    .map((issues) => deepest(issues[0]))
    .sort((a, b) => b.path.length - a.path.length);
  if (inner.length === 0 || inner[0].path.length === 0)
    return { path: issue.path, message: inner.map(({ message }) => message).join(', or ') || issue.message };
  return { path: [...issue.path, ...inner[0].path], message: inner[0].message };
}

/** `['messages', 2, 'content']` -> `messages[2].content`. */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? String(part) : `.${String(part)}`))
    .join('');
}
