/** Schemas that hold together -> the ways to satisfy them, each without references, anyOf and allOf. */
import { FORMATS } from './formats.ts';
import { LIMITS, tooLarge } from './limits.ts';
import { branchesOf } from './schema-branches.ts';
import type { SchemaDocument } from './schema-document.ts';
import { type JsonType, namedTypes, type Schema, type SchemaObject } from './schema-types.ts';

/** Schemas that hold together; `$ref`, `allOf`, `anyOf`, `oneOf`, `if` and the like in them are dealt with. */
export type Alternative = readonly SchemaObject[];

interface Pending {
  readonly schema: Schema;
  /** Schemas that this one is part of, at the same value. */
  readonly within: Ancestor | undefined;
}

interface Ancestor {
  readonly schema: SchemaObject;
  readonly within: Ancestor | undefined;
}

/** One entry for each way; none if there is no way. Throws `UsageError` if there are too many. */
export function alternativesOf(document: SchemaDocument, schemas: readonly Schema[]): Alternative[] {
  const found: Alternative[] = [];
  let steps = 0;
  const explore = (pending: readonly Pending[], before: readonly SchemaObject[]): void => {
    const open = [...pending];
    const done = [...before];
    const branches: Pending[][] = [];
    for (let item = open.shift(); item; item = open.shift()) {
      const { schema, within } = item;
      if (++steps > LIMITS.schemaValues) throw tooLarge('steps to read a schema', LIMITS.schemaValues);
      if (schema === false) return;
      // What contains itself at the same value is satisfied by nothing that its other parts do not allow.
      if (schema !== true && isAncestor(schema, within)) return;
      if (schema === true || done.includes(schema)) continue;
      done.push(schema);
      const inside = { schema, within: { schema, within } };
      if (typeof schema.$ref === 'string') {
        open.push({ schema: document.resolve(schema, schema.$ref), within: inside.within });
      }
      for (const part of (schema.allOf ?? []) as Schema[]) open.push({ schema: part, within: inside.within });
      for (const keyword of ['anyOf', 'oneOf']) {
        const parts = schema[keyword] as Schema[] | undefined;
        if (parts) branches.push(parts.map((part) => ({ schema: part, within: inside.within })));
      }
      for (const parts of branchesOf(document, schema))
        branches.push(parts.map((part) => ({ schema: part, within: inside.within })));
    }
    const [first, ...others] = branches;
    if (!first) {
      if (found.push(done) > LIMITS.alternatives) throw tooLarge('alternatives', LIMITS.alternatives);
      return;
    }
    // The first choice is made here; the others are still to be made in each of its ways.
    for (const part of first) explorePending([part], others, done);
  };
  const explorePending = (
    pending: readonly Pending[],
    branches: readonly (readonly Pending[])[],
    done: readonly SchemaObject[],
  ): void => {
    const [first, ...others] = branches;
    if (!first) explore(pending, done);
    else for (const part of first) explorePending([...pending, part], others, done);
  };
  explore(
    schemas.map((schema) => ({ schema, within: undefined })),
    [],
  );
  return found;
}

function isAncestor(schema: SchemaObject, within: Ancestor | undefined): boolean {
  for (let at = within; at; at = at.within) if (at.schema === schema) return true;
  return false;
}

const KEYWORDS_OF_TYPE: Readonly<Partial<Record<JsonType, readonly string[]>>> = {
  object: [
    'properties',
    'required',
    'additionalProperties',
    'patternProperties',
    'propertyNames',
    'minProperties',
    'maxProperties',
    'dependentRequired',
    'dependentSchemas',
    'dependencies',
  ],
  array: ['items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems', 'contains'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
};

/** Says the keyword something about values? Formats that nobody enforces don't. */
function restricts(schema: SchemaObject, keyword: string): boolean {
  const value = schema[keyword];
  return keyword === 'format' ? Object.hasOwn(FORMATS, value as string) : value !== undefined;
}

export type BaseType = Exclude<JsonType, 'integer'>;

/**
 * The types that values may have. A schema that names none means the types that its other keywords are about: without
 * this, `{"properties": …}` would allow any number.
 */
export function typesOf(alternative: Alternative): { types: Set<BaseType>; isInteger: boolean } {
  let types = new Set<BaseType>(['object', 'array', 'string', 'number', 'boolean', 'null']);
  let isInteger = false;
  let isNamed = false;
  for (const schema of alternative) {
    const names = namedTypes(schema);
    if (!names) continue;
    isNamed = true;
    if (names.includes('integer') && !names.includes('number')) isInteger = true;
    const wanted = new Set(names.map((name) => (name === 'integer' ? 'number' : name)));
    types = new Set([...types].filter((name) => wanted.has(name)));
  }
  if (!isNamed) {
    const meant = Object.entries(KEYWORDS_OF_TYPE).flatMap(([type, keywords]) =>
      alternative.some((schema) => keywords.some((keyword) => restricts(schema, keyword)))
        ? [type as BaseType]
        : [],
    );
    if (meant.length > 0) types = new Set(meant);
  }
  return { types, isInteger };
}
