/** A JSON Schema before it is compiled: checked for size and keywords, with each part's place known. */
import { UsageError } from '../../core/errors.ts';
import { FORMATS } from './formats.ts';
import { LIMITS } from './limits.ts';

export type SchemaObject = { readonly [keyword: string]: unknown };
export type Schema = SchemaObject | boolean;

/** They say nothing about which values are valid. */
const ANNOTATIONS = new Set([
  'title',
  'description',
  'default',
  'examples',
  'example',
  'deprecated',
  'readOnly',
  'writeOnly',
  '$schema',
  '$id',
  '$comment',
  'discriminator',
]);

export const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
export type JsonType = (typeof TYPES)[number];

/** Of JSON Schema, but not supported. Other names are some library's own, which says by a pattern what it means. */
const STANDARD_FORMATS = new Set([
  'duration',
  'idn-email',
  'hostname',
  'idn-hostname',
  'uri-reference',
  'iri',
  'iri-reference',
  'uri-template',
  'json-pointer',
  'relative-json-pointer',
  'regex',
]);

type Check = (value: unknown) => boolean;

const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isSchema: Check = (value) => typeof value === 'boolean' || isObject(value);
const isSchemaMap: Check = (value) => isObject(value) && Object.values(value).every(isSchema);
const isSchemaList: Check = (value) => Array.isArray(value) && value.length > 0 && value.every(isSchema);
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isType: Check = (value) => TYPES.includes(value as JsonType);

/** What each supported keyword may be; `false` for a value that is JSON Schema but not supported. */
const KEYWORDS: Readonly<Record<string, (value: unknown, schema: SchemaObject) => boolean>> = {
  type: (value) => isType(value) || (Array.isArray(value) && value.length > 0 && value.every(isType)),
  properties: isSchemaMap,
  required: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  additionalProperties: isSchema,
  items: isSchema,
  prefixItems: isSchemaList,
  minItems: isCount,
  maxItems: isCount,
  enum: (value) => Array.isArray(value) && value.length > 0,
  const: () => true,
  anyOf: isSchemaList,
  oneOf: isSchemaList,
  allOf: isSchemaList,
  $ref: (value) => typeof value === 'string' && /^#(\/|$)/.test(value),
  $defs: isSchemaMap,
  definitions: isSchemaMap,
  minLength: isCount,
  maxLength: isCount,
  pattern: (value) => typeof value === 'string',
  format: (value, schema) =>
    typeof value === 'string' &&
    (Object.hasOwn(FORMATS, value) || (schema.pattern !== undefined && !STANDARD_FORMATS.has(value))),
  // Keys are strings; libraries say so for every record.
  propertyNames: (value) =>
    value === true ||
    (isObject(value) && Object.entries(value).every((entry) => entry.join() === 'type,string')),
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  // Valid schemas often say it; it asks for nothing.
  uniqueItems: (value) => value === false,
};

const MAPS_OF_SCHEMAS = ['properties', '$defs', 'definitions'];
const LISTS_OF_SCHEMAS = ['prefixItems', 'anyOf', 'oneOf', 'allOf'];
const SCHEMAS = ['items', 'additionalProperties'];

export class SchemaDocument {
  readonly root: Schema;
  private readonly pointers = new Map<SchemaObject, string>();

  /** Throws `UsageError`, code `unsupported-schema`, naming keyword and JSON pointer. */
  constructor(root: unknown) {
    if (!isSchema(root)) throw unsupported('the schema', '', 'it must be an object');
    if (new TextEncoder().encode(JSON.stringify(root)).length > LIMITS.schemaBytes) {
      throw unsupported('the schema', '', `it is larger than ${LIMITS.schemaBytes / 1024} KiB`);
    }
    this.root = root as Schema;
    this.check(this.root, '', 0);
  }

  /** Location of a schema, as a JSON pointer. */
  pointerOf(schema: SchemaObject): string {
    return this.pointers.get(schema) ?? '';
  }

  resolve(schema: SchemaObject, reference: string): Schema {
    let target: unknown = this.root;
    for (const part of reference.split('/').slice(1)) {
      const key = decode(part);
      const isThere = typeof target === 'object' && target !== null && Object.hasOwn(target, key);
      target = isThere ? (target as Record<string, unknown>)[key] : undefined;
    }
    const isKnown = typeof target === 'boolean' || (isObject(target) && this.pointers.has(target));
    if (isKnown) return target as Schema;
    throw unsupported('$ref', this.pointerOf(schema), `there is no schema at ${JSON.stringify(reference)}`);
  }

  private check(schema: Schema, pointer: string, depth: number): void {
    if (typeof schema === 'boolean') return;
    if (depth > LIMITS.schemaDepth) {
      throw unsupported('the schema', pointer, `it is nested more than ${LIMITS.schemaDepth} deep`);
    }
    this.pointers.set(schema, pointer);
    for (const [keyword, value] of Object.entries(schema)) {
      if (ANNOTATIONS.has(keyword)) continue;
      const check = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined;
      if (check?.(value, schema)) continue;
      const shown = value === undefined ? 'undefined' : shorten(JSON.stringify(value));
      throw unsupported(keyword, pointer, check ? `not with the value ${shown}` : undefined);
    }
    for (const keyword of MAPS_OF_SCHEMAS) {
      for (const [key, part] of Object.entries((schema[keyword] ?? {}) as Record<string, Schema>)) {
        this.check(part, `${pointer}/${keyword}/${encode(key)}`, depth + 1);
      }
    }
    for (const keyword of LISTS_OF_SCHEMAS) {
      for (const [i, part] of ((schema[keyword] ?? []) as Schema[]).entries()) {
        this.check(part, `${pointer}/${keyword}/${i}`, depth + 1);
      }
    }
    for (const keyword of SCHEMAS) {
      const part = schema[keyword] as Schema | undefined;
      if (part !== undefined) this.check(part, `${pointer}/${keyword}`, depth + 1);
    }
  }
}

export function unsupported(what: string, pointer: string, why?: string): UsageError {
  const subject = what === 'the schema' ? what : `"${what}"`;
  return new UsageError(
    `Cannot use ${subject} at #${pointer}${why ? `: ${why}` : ': the keyword is not supported'}`,
    { code: 'unsupported-schema', hint: 'docs/structured-output.md lists the keywords that are' },
  );
}

export function isObject(value: unknown): value is SchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function encode(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

function decode(part: string): string {
  let text = part;
  try {
    text = decodeURIComponent(part);
  } catch {
    // A percent sign that encodes nothing stands for itself.
  }
  return text.replaceAll('~1', '/').replaceAll('~0', '~');
}
