/**
 * `if`, the dependent keywords and `not` of several keywords -> lists of which one schema must hold, in the words of the others.
 * What is made here is made once: the compiler knows schemas by their identity.
 */
import type { SchemaDocument } from './schema-document.ts';
import { KEYWORDS } from './schema-keywords.ts';
import { namedTypes, type Schema, type SchemaObject } from './schema-types.ts';

type Branches = readonly Schema[];

const made = new WeakMap<SchemaDocument, Map<SchemaObject, readonly Branches[]>>();

/** The lists of one schema, all of which must hold. */
export function branchesOf(document: SchemaDocument, schema: SchemaObject): readonly Branches[] {
  const known = made.get(document) ?? new Map<SchemaObject, readonly Branches[]>();
  made.set(document, known);
  let branches = known.get(schema);
  if (!branches) {
    branches = makeBranches(schema);
    for (const part of branches.flat()) document.derive(schema, part);
    known.set(schema, branches);
  }
  return branches;
}

/** Whether `branchesOf` has the opposite of a schema; the rest of `not` is for `negationOf`. */
export function isSplit(not: Schema): boolean {
  return oppositesOf(not) !== undefined;
}

function makeBranches(schema: SchemaObject): Branches[] {
  const { if: test, then: yes, else: no, not } = schema as Record<string, Schema | undefined>;
  const lists: Branches[] = [];
  if (test !== undefined && (yes !== undefined || no !== undefined))
    lists.push([{ allOf: [test, yes ?? true] }, { allOf: [{ not: test }, no ?? true] }]);
  for (const keyword of ['dependentRequired', 'dependentSchemas', 'dependencies'])
    for (const [key, needs] of Object.entries((schema[keyword] ?? {}) as Record<string, Schema | string[]>)) {
      const required = [key, ...(Array.isArray(needs) ? needs : [])];
      lists.push([
        { not: { type: 'object', required: [key] } },
        { type: 'object', required, allOf: [Array.isArray(needs) ? true : needs] },
      ]);
    }
  const opposites = not === undefined ? undefined : oppositesOf(not);
  if (opposites) lists.push(opposites);
  return lists;
}

/**
 * Schemas of which one holds exactly where `schema` does not. Undefined for one that `negationOf` follows as it is, or that
 * nothing follows.
 */
function oppositesOf(schema: Schema): Branches | undefined {
  if (typeof schema === 'boolean') return undefined;
  const words = Object.keys(schema).filter((word) => restricts(word, schema));
  const parts = words.filter((word) => word !== 'type');
  if (parts.length === 0 || parts.some((word) => !(word in OPPOSITES))) return undefined;
  if (parts.length === 1 && isSimple(parts[0], schema)) return undefined;
  const named = namedTypes(schema);
  return [
    ...(named ? [{ not: { type: named } }] : []),
    ...parts.flatMap((word) => OPPOSITES[word](schema[word] as never, schema)),
  ];
}

/** What `negationOf` follows. */
function isSimple(word: string, { required, type }: SchemaObject): boolean {
  if (word === 'required')
    return (required as string[]).length <= 1 && (type === undefined || type === 'object');
  if (word === 'enum' || word === 'const') return true;
  return TEXT_WORDS.includes(word) && (type === undefined || type === 'string');
}

const TEXT_WORDS = ['pattern', 'format', 'minLength', 'maxLength'];

const without = (key: string): SchemaObject => ({ type: 'object', not: { type: 'object', required: [key] } });
const text =
  (word: string) =>
  (value: unknown): Branches => [{ type: 'string', not: { type: 'string', [word]: value } }];
const number = (word: string, value: number): Branches => [{ type: 'number', [word]: value }];
const both = (value: unknown, word: string): Branches => [{ not: { [word]: value } }];

/** For each keyword, where it does not hold: for other types than its own it always does. */
const OPPOSITES: Readonly<Record<string, (value: never, schema: SchemaObject) => Branches>> = {
  enum: (value: unknown) => both(value, 'enum'),
  const: (value: unknown) => both(value, 'const'),
  required: (keys: string[]) => keys.map(without),
  properties: (properties: Record<string, Schema>) =>
    Object.entries(properties).map(([key, part]) => ({
      type: 'object',
      required: [key],
      properties: { [key]: { not: part } },
    })),
  pattern: text('pattern'),
  format: text('format'),
  minLength: text('minLength'),
  maxLength: text('maxLength'),
  // In draft 4, `true` next to a bound excludes its value.
  minimum: (value: number, { exclusiveMinimum }) =>
    number(exclusiveMinimum === true ? 'maximum' : 'exclusiveMaximum', value),
  maximum: (value: number, { exclusiveMaximum }) =>
    number(exclusiveMaximum === true ? 'minimum' : 'exclusiveMinimum', value),
  exclusiveMinimum: (value: number | boolean) => (typeof value === 'number' ? number('maximum', value) : []),
  exclusiveMaximum: (value: number | boolean) => (typeof value === 'number' ? number('minimum', value) : []),
  minItems: (count: number) => (count === 0 ? [] : [{ type: 'array', maxItems: count - 1 }]),
  maxItems: (count: number) => [{ type: 'array', minItems: count + 1 }],
  minProperties: (count: number) => (count === 0 ? [] : [{ type: 'object', maxProperties: count - 1 }]),
  maxProperties: (count: number) => [{ type: 'object', minProperties: count + 1 }],
  allOf: (parts: Schema[]) => parts.map((part) => ({ not: part })),
  anyOf: (parts: Schema[]) => [{ allOf: parts.map((part) => ({ not: part })) }],
  not: (part: Schema) => [part],
};

/** `nullable` belongs to `type`; what is not enforced restricts nothing. */
function restricts(word: string, schema: SchemaObject): boolean {
  if (word === 'nullable' || NAMES.includes(word)) return false;
  if (word === 'then' || word === 'else') return schema.if !== undefined;
  return Object.hasOwn(KEYWORDS, word) && KEYWORDS[word].use === 'enforced';
}

const NAMES = ['$id', '$anchor', '$defs', 'definitions'];
