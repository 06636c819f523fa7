/** Is a value of `enum` or `const` valid for the other keywords? */
import { isMultiple } from './number-steps.ts';
import type { SchemaDocument } from './schema-document.ts';
import {
  boundsOf,
  isObject,
  itemSchemas,
  namedTypes,
  type Schema,
  type SchemaObject,
} from './schema-types.ts';

/** Whether a text is what `pattern` and `format` of a schema ask for, or only matches a pattern. */
export interface TextTests {
  fits(schema: SchemaObject, text: string): boolean;
  matches(pattern: string, text: string): boolean;
}

/** References may lead in a circle without getting anywhere. */
const MAX_DEPTH = 200;

export function isValid(
  document: SchemaDocument,
  schema: Schema,
  value: unknown,
  texts: TextTests,
  depth = 0,
): boolean {
  if (typeof schema === 'boolean') return schema;
  if (depth > MAX_DEPTH) return false;
  const fits = (part: Schema, item: unknown) => isValid(document, part, item, texts, depth + 1);
  const every = (parts: unknown) => ((parts ?? []) as Schema[]).every((part) => fits(part, value));
  const some = (parts: unknown) =>
    parts === undefined || (parts as Schema[]).some((part) => fits(part, value));
  if (typeof schema.$ref === 'string' && !fits(document.resolve(schema, schema.$ref), value)) return false;
  if (!every(schema.allOf) || !some(schema.anyOf) || !some(schema.oneOf)) return false;
  if (schema.not !== undefined && fits(schema.not as Schema, value)) return false;
  if (schema.if !== undefined) {
    const next = fits(schema.if as Schema, value) ? schema.then : schema.else;
    if (next !== undefined && !fits(next as Schema, value)) return false;
  }
  if (!isListed(schema, value)) return false;
  const types = namedTypes(schema);
  if (types && !types.some((type) => hasType(value, type))) return false;
  if (typeof value === 'string') return fitsLength(schema, value) && texts.fits(schema, value);
  if (typeof value === 'number') return fitsBounds(schema, value);
  if (Array.isArray(value)) return fitsItems(schema, value, fits);
  return !isObject(value) || fitsProperties(schema, value, fits, texts);
}

const listed = new WeakMap<SchemaObject, ReadonlySet<string>>();

/** Among the values of `const` and `enum`, equal as JSON: the order of keys does not matter. */
function isListed(schema: SchemaObject, value: unknown): boolean {
  if (schema.const !== undefined && canonicalJson(schema.const) !== canonicalJson(value)) return false;
  if (schema.enum === undefined) return true;
  let values = listed.get(schema);
  if (!values) {
    values = new Set((schema.enum as unknown[]).map(canonicalJson));
    listed.set(schema, values);
  }
  return values.has(canonicalJson(value));
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
  const { multipleOf } = schema;
  return (
    boundsOf(schema, 'Minimum').every((low) => (low.isExclusive ? value > low.value : value >= low.value)) &&
    boundsOf(schema, 'Maximum').every((high) =>
      high.isExclusive ? value < high.value : value <= high.value,
    ) &&
    (multipleOf === undefined || isMultiple(value, multipleOf as number))
  );
}

type Fits = (part: Schema, item: unknown) => boolean;

function fitsItems(schema: SchemaObject, items: readonly unknown[], fits: Fits): boolean {
  const { minItems = 0, maxItems } = schema;
  if (items.length < (minItems as number)) return false;
  if (maxItems !== undefined && items.length > (maxItems as number)) return false;
  if (schema.uniqueItems === true && new Set(items.map(canonicalJson)).size < items.length) return false;
  if (schema.contains !== undefined) {
    const { minContains = 1, maxContains = Number.POSITIVE_INFINITY } = schema;
    const count = items.filter((item) => fits(schema.contains as Schema, item)).length;
    if (count < (minContains as number) || count > (maxContains as number)) return false;
  }
  const { first, rest = true } = itemSchemas(schema);
  return items.every((item, i) => fits(first[i] ?? rest, item));
}

function fitsProperties(schema: SchemaObject, value: SchemaObject, fits: Fits, texts: TextTests): boolean {
  const { minProperties = 0, maxProperties } = schema;
  const size = Object.keys(value).length;
  if (size < (minProperties as number)) return false;
  if (maxProperties !== undefined && size > (maxProperties as number)) return false;
  if (!((schema.required ?? []) as string[]).every((key) => Object.hasOwn(value, key))) return false;
  for (const keyword of ['dependentRequired', 'dependentSchemas', 'dependencies'])
    for (const [key, needs] of Object.entries((schema[keyword] ?? {}) as Record<string, Schema | string[]>)) {
      if (!Object.hasOwn(value, key)) continue;
      const isMet = Array.isArray(needs) ? needs.every((it) => Object.hasOwn(value, it)) : fits(needs, value);
      if (!isMet) return false;
    }
  return Object.entries(value).every(
    ([key, item]) =>
      fits((schema.propertyNames ?? true) as Schema, key) &&
      schemasOfKey(schema, key, texts.matches).every((part) => fits(part, item)),
  );
}

/** The schemas that one schema has for the value of a key; none: any value. */
export function schemasOfKey(schema: SchemaObject, key: string, matches: TextTests['matches']): Schema[] {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const own = Object.hasOwn(properties, key) ? [properties[key]] : [];
  for (const [pattern, part] of Object.entries((schema.patternProperties ?? {}) as Record<string, Schema>))
    if (matches(pattern, key)) own.push(part);
  if (own.length > 0 || schema.additionalProperties === undefined) return own;
  return [schema.additionalProperties as Schema];
}
