/**
 * Every keyword of JSON Schema (draft 4 to 2020-12) and OpenAPI and what becomes of it: this table drives the check of a
 * schema, and test/engine/constraint/keyword-table.test.ts writes it into docs/structured-output.md.
 */
import { FORMATS } from './formats.ts';
import { isObject, type SchemaObject, TYPES } from './schema-types.ts';

type Check = (value: unknown, schema: SchemaObject) => boolean;

export interface Keyword {
  /** `enforced`: no answer violates it. `annotation`: it restricts nothing. `refused`: an error, unless `check` allows the value. */
  readonly use: 'enforced' | 'annotation' | 'refused';
  /** Of an enforced keyword: the values that can be enforced. Of a refused one: those that restrict nothing. */
  readonly check?: Check;
  /** What a user has to know; for the documentation. */
  readonly note?: string;
  /** Where schemas are inside it. */
  readonly holds?: 'schema' | 'list' | 'map';
}

const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isSchema: Check = (value) => typeof value === 'boolean' || isObject(value);
const isSchemaMap: Check = (value, at) =>
  isObject(value) && Object.values(value).every((it) => isSchema(it, at));
const isSchemaList: Check = (value, at) =>
  Array.isArray(value) && value.length > 0 && value.every((it) => isSchema(it, at));
const isKeyList = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');
const isKeyListMap: Check = (value) => isObject(value) && Object.values(value).every(isKeyList);
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isExclusive: Check = (value, at) => isNumber(value, at) || typeof value === 'boolean';
const isType = (value: unknown): boolean => TYPES.includes(value as (typeof TYPES)[number]);
const isEmpty: Check = (value) => isObject(value) && Object.keys(value).length === 0;
const isTrueSchema: Check = (value, at) => value === true || isEmpty(value, at);

const annotation: Keyword = { use: 'annotation' };

export const KEYWORDS: Readonly<Record<string, Keyword>> = {
  type: {
    use: 'enforced',
    check: (value) => isType(value) || (Array.isArray(value) && value.length > 0 && value.every(isType)),
    note: 'also lists; without it, the types that the other keywords are about: `{"minimum": 0}` means a number; `{}` means any value',
  },
  nullable: {
    use: 'enforced',
    check: (value) => typeof value === 'boolean',
    note: "OpenAPI's: adds `null` to `type`",
  },
  enum: {
    use: 'enforced',
    check: (value) => Array.isArray(value) && value.length > 0,
    note: 'values that contradict other keywords are dropped; written as by `JSON.stringify`',
  },
  const: { use: 'enforced', check: () => true, note: 'as `enum`' },
  properties: {
    use: 'enforced',
    check: isSchemaMap,
    holds: 'map',
    note: 'keys are written in the order of the schema',
  },
  required: {
    use: 'enforced',
    check: isKeyList,
    note: 'keys that are only here come after those of `properties`',
  },
  additionalProperties: {
    use: 'enforced',
    check: isSchema,
    holds: 'schema',
    note: 'default `false` with `properties` or `patternProperties`, `true` without',
  },
  patternProperties: {
    use: 'enforced',
    check: isSchemaMap,
    holds: 'map',
    note: 'up to 4 patterns for one object',
  },
  propertyNames: {
    use: 'enforced',
    check: isSchema,
    holds: 'schema',
    note: 'keys of an `enum` come in its order',
  },
  minProperties: {
    use: 'enforced',
    check: isCount,
    note: 'up to 1, or up to the number of required keys: keys that the schema does not list may come twice',
  },
  maxProperties: {
    use: 'enforced',
    check: isCount,
    note: 'with many listed keys, fewer of the others than it allows',
  },
  items: {
    use: 'enforced',
    check: (value, at) =>
      isSchema(value, at) || (Array.isArray(value) && value.every((it) => isSchema(it, at))),
    note: 'a list (draft 7) is read as `prefixItems`',
  },
  prefixItems: {
    use: 'enforced',
    check: isSchemaList,
    holds: 'list',
    note: 'without `items` it allows no further items',
  },
  additionalItems: {
    use: 'enforced',
    check: isSchema,
    holds: 'schema',
    note: 'draft 7: next to a list of `items`',
  },
  contains: {
    use: 'enforced',
    check: isSchema,
    holds: 'schema',
    note: 'one of them for an array',
  },
  minContains: { use: 'enforced', check: isCount },
  maxContains: {
    use: 'enforced',
    check: isCount,
    note: 'as far as the opposite of `contains` can be followed, as with `not`',
  },
  minItems: { use: 'enforced', check: isCount },
  maxItems: { use: 'enforced', check: isCount },
  uniqueItems: {
    use: 'enforced',
    check: (value) => typeof value === 'boolean',
    note: 'for items from an `enum` of up to 200 values (more than 8: in its order); **not enforced** for others',
  },
  anyOf: { use: 'enforced', check: isSchemaList, holds: 'list' },
  oneOf: {
    use: 'enforced',
    check: isSchemaList,
    holds: 'list',
    note: 'as `anyOf`: **not enforced** that an answer matches only one',
  },
  allOf: {
    use: 'enforced',
    check: isSchemaList,
    holds: 'list',
    note: 'merged, with all keywords of this table',
  },
  not: {
    use: 'enforced',
    check: isSchema,
    holds: 'schema',
    note: 'of `type`, `enum`, `const`, `properties`, `required`, bounds, keywords of strings, and combinations of them; next to `enum` or `const`, of anything',
  },
  if: {
    use: 'enforced',
    check: isSchema,
    holds: 'schema',
    note: 'as far as its opposite can be followed, as with `not`',
  },
  // biome-ignore lint/suspicious/noThenProperty: the name of a keyword.
  then: { use: 'enforced', check: isSchema, holds: 'schema' },
  else: { use: 'enforced', check: isSchema, holds: 'schema' },
  dependentRequired: { use: 'enforced', check: isKeyListMap },
  dependentSchemas: { use: 'enforced', check: isSchemaMap, holds: 'map' },
  dependencies: {
    use: 'enforced',
    check: (value, at) =>
      isObject(value) && Object.values(value).every((it) => isSchema(it, at) || isKeyList(it)),
    note: 'draft 7: as `dependentRequired` or `dependentSchemas`',
  },
  $ref: {
    use: 'enforced',
    check: (value) => typeof value === 'string',
    note: 'within the document: `#/…`, `#anchor`, or an `$id` in it; recursion is allowed',
  },
  $defs: { use: 'enforced', check: isSchemaMap, holds: 'map' },
  definitions: { use: 'enforced', check: isSchemaMap, holds: 'map' },
  $id: { use: 'enforced', check: (value) => typeof value === 'string', note: 'names a schema for `$ref`' },
  $anchor: {
    use: 'enforced',
    check: (value) => typeof value === 'string',
    note: 'names a schema for `$ref`',
  },
  minLength: { use: 'enforced', check: isCount, note: 'in characters (code points)' },
  maxLength: { use: 'enforced', check: isCount, note: 'in characters (code points)' },
  pattern: {
    use: 'enforced',
    check: (value) => typeof value === 'string',
    note: '[see below](#patterns-and-formats)',
  },
  format: {
    use: 'enforced',
    check: (value) => typeof value === 'string',
    note: `of strings: ${Object.keys(FORMATS)
      .map((name) => `\`${name}\``)
      .join(' ')}; all others are ignored ([see below](#patterns-and-formats))`,
  },
  minimum: {
    use: 'enforced',
    check: isNumber,
    note: 'between −2^53 and 2^53 at least; see [numbers](#how-answers-are-formatted)',
  },
  maximum: { use: 'enforced', check: isNumber, note: 'as `minimum`' },
  exclusiveMinimum: {
    use: 'enforced',
    check: isExclusive,
    note: 'as `minimum`; `true` (draft 4): so is `minimum`',
  },
  exclusiveMaximum: {
    use: 'enforced',
    check: isExclusive,
    note: 'as `minimum`; `true` (draft 4): so is `maximum`',
  },
  multipleOf: {
    use: 'enforced',
    check: (value) => typeof value === 'number' && value > 0 && value <= 1e9,
    note: 'with at most 9 decimals, and up to about 1,000 without its factors 2 and 5 (86,400 = 2⁷ · 5² · 27 counts as 27); larger ones between close bounds',
  },

  title: annotation,
  description: annotation,
  default: annotation,
  examples: annotation,
  example: annotation,
  deprecated: annotation,
  readOnly: annotation,
  writeOnly: annotation,
  $schema: annotation,
  $comment: annotation,
  $vocabulary: annotation,
  $dynamicAnchor: annotation,
  contentEncoding: annotation,
  contentMediaType: annotation,
  contentSchema: annotation,
  discriminator: annotation,
  externalDocs: annotation,
  xml: annotation,
  id: annotation,

  unevaluatedProperties: { use: 'refused', check: isTrueSchema },
  unevaluatedItems: { use: 'refused', check: isTrueSchema },
  $dynamicRef: { use: 'refused' },
  $recursiveRef: { use: 'refused' },
  $recursiveAnchor: { use: 'refused', check: (value) => value === false },
};
