/** Is a value of `enum` or `const` valid for the other keywords? */
import { isObject, type Schema, type SchemaDocument, type SchemaObject } from './schema-document.ts';

export type TextTest = (schema: SchemaObject, text: string) => boolean;

/** References may lead in a circle without getting anywhere. */
const MAX_DEPTH = 200;

/** `fitsText` answers for `pattern` and `format`. */
export function isValid(
  document: SchemaDocument,
  schema: Schema,
  value: unknown,
  fitsText: TextTest,
  depth = 0,
): boolean {
  if (typeof schema === 'boolean') return schema;
  if (depth > MAX_DEPTH) return false;
  const fits = (part: Schema, item: unknown) => isValid(document, part, item, fitsText, depth + 1);
  const every = (parts: unknown) => ((parts ?? []) as Schema[]).every((part) => fits(part, value));
  const some = (parts: unknown) =>
    parts === undefined || (parts as Schema[]).some((part) => fits(part, value));
  if (typeof schema.$ref === 'string' && !fits(document.resolve(schema, schema.$ref), value)) return false;
  if (!every(schema.allOf) || !some(schema.anyOf) || !some(schema.oneOf)) return false;
  if (schema.const !== undefined && !isEqual(schema.const, value)) return false;
  if (schema.enum !== undefined && !(schema.enum as unknown[]).some((item) => isEqual(item, value)))
    return false;
  if (schema.type !== undefined) {
    const types = Array.isArray(schema.type) ? schema.type : [schema.type];
    if (!types.some((type) => hasType(value, type))) return false;
  }
  if (typeof value === 'string') return fitsLength(schema, value) && fitsText(schema, value);
  if (typeof value === 'number') return fitsBounds(schema, value);
  if (Array.isArray(value)) return fitsItems(schema, value, fits);
  return !isObject(value) || fitsProperties(schema, value, fits);
}

/** Equal as JSON; the order of keys does not matter. */
function isEqual(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}

export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join()}}`;
}

function hasType(value: unknown, type: unknown): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === type;
  }
}

function fitsLength({ minLength = 0, maxLength }: SchemaObject, text: string): boolean {
  const length = Array.from(text).length;
  return length >= (minLength as number) && (maxLength === undefined || length <= (maxLength as number));
}

function fitsBounds(schema: SchemaObject, value: number): boolean {
  const bound = (keyword: string) => schema[keyword] as number | undefined;
  const within = (limit: number | undefined, holds: (limit: number) => boolean) =>
    limit === undefined || holds(limit);
  return (
    within(bound('minimum'), (limit) => value >= limit) &&
    within(bound('maximum'), (limit) => value <= limit) &&
    within(bound('exclusiveMinimum'), (limit) => value > limit) &&
    within(bound('exclusiveMaximum'), (limit) => value < limit)
  );
}

type Fits = (part: Schema, item: unknown) => boolean;

function fitsItems(schema: SchemaObject, items: readonly unknown[], fits: Fits): boolean {
  const { minItems = 0, maxItems } = schema;
  if (items.length < (minItems as number)) return false;
  if (maxItems !== undefined && items.length > (maxItems as number)) return false;
  const first = (schema.prefixItems ?? []) as Schema[];
  const rest = (schema.items ?? true) as Schema;
  return items.every((item, i) => fits(first[i] ?? rest, item));
}

function fitsProperties(schema: SchemaObject, value: SchemaObject, fits: Fits): boolean {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const others = (schema.additionalProperties ?? true) as Schema;
  if (!((schema.required ?? []) as string[]).every((key) => Object.hasOwn(value, key))) return false;
  return Object.entries(value).every(([key, item]) =>
    fits(Object.hasOwn(properties, key) ? properties[key] : others, item),
  );
}
