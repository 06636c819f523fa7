import type { Random } from '../../../src/core/random.ts';

type Schema = Record<string, unknown> | boolean;

const KEYS = ['a', 'b', 'key "c"', 'é'];
const PATTERNS = ['^a+b?$', 'x', '^(?:ab|cd){1,3}$', '^[^a-z]', '\\d$', '^.{2,4}$'];
const VALUES = ['a', 'ab', 'xyz', '', 1, 2.5, -3, 0, true, null, [1], { a: 1 }, ['a', null]];

const NAMES = [
  { enum: ['a', 'é', 'x'] },
  { pattern: '^[a-z]' },
  { maxLength: 2 },
  { not: { const: 'a' } },
  { minLength: 1, pattern: 'b' },
];
const NOT_STRINGS = [
  { const: 'a' },
  { enum: ['', 'ab'] },
  { pattern: '^a' },
  { minLength: 4 },
  { type: 'number' },
  false,
];

/** A schema of supported keywords: small, recursive at times, and at times contradictory. */
export function randomSchema(random: Random): Schema {
  const defs = { one: anySchema(random, 2), two: anySchema(random, 2) };
  const root = anySchema(random, 3);
  return typeof root === 'boolean' ? root : { ...root, $defs: defs };
}

function anySchema(random: Random, depth: number): Schema {
  const one = <T>(items: readonly T[]): T => items[random.below(items.length)];
  const inner = (): Schema => anySchema(random, depth - 1);
  const few = (max: number): Schema[] => Array.from({ length: 1 + random.below(max) }, inner);
  const kinds = depth > 0 ? 13 : 6;
  switch (random.below(kinds)) {
    case 0:
      return {
        type: 'string',
        ...(random.below(2) && { minLength: random.below(4) }),
        ...(random.below(2) && { maxLength: 3 + random.below(5) }),
        ...(random.below(3) === 0 && { pattern: one(PATTERNS) }),
        ...(random.below(4) === 0 && { not: one(NOT_STRINGS) }),
        ...(random.below(6) === 0 && { nullable: true }),
      };
    case 1:
      return {
        type: one(['integer', 'number']),
        ...(random.below(2) && { [one(['minimum', 'exclusiveMinimum'])]: one([-12, 0, 3, 7.5, -0.25]) }),
        ...(random.below(2) && { [one(['maximum', 'exclusiveMaximum'])]: one([-1, 0, 5, 99, 3.125]) }),
        ...(random.below(3) === 0 && { multipleOf: one([2, 3, 0.5, 0.25, 7, 10]) }),
      };
    case 2:
      return { enum: Array.from({ length: 1 + random.below(4) }, () => one(VALUES)) };
    case 3:
      return random.below(4) === 0 ? random.below(4) > 0 : { const: one(VALUES) };
    case 4:
      return { type: one(['boolean', 'null', ['string', 'null'], ['integer', 'array']]) };
    case 5:
      return random.below(3) === 0 ? {} : { $ref: one(['#/$defs/one', '#/$defs/two', '#']) };
    case 6:
    case 7: {
      const keys = KEYS.filter(() => random.below(2));
      return {
        type: 'object',
        properties: Object.fromEntries(keys.map((key) => [key, inner()])),
        required: KEYS.filter((key) => random.below(keys.includes(key) ? 2 : 9) === 0),
        ...(random.below(3) === 0 && { additionalProperties: random.below(2) ? inner() : false }),
        ...(random.below(4) === 0 && {
          patternProperties: { [one(PATTERNS)]: inner(), [one(PATTERNS)]: inner() },
        }),
        ...(random.below(5) === 0 && { propertyNames: one(NAMES) }),
        ...(random.below(5) === 0 && { maxProperties: random.below(4) }),
        ...(random.below(5) === 0 && { minProperties: random.below(2) }),
        ...(random.below(6) === 0 && { not: { required: KEYS.filter(() => random.below(2)) } }),
        ...(random.below(6) === 0 && { dependentRequired: { [one(KEYS)]: [one(KEYS)] } }),
        ...(random.below(6) === 0 && { dependentSchemas: { [one(KEYS)]: inner() } }),
      };
    }
    case 8:
      return {
        type: 'array',
        ...(random.below(3) && { items: inner() }),
        ...(random.below(3) === 0 && { prefixItems: few(2) }),
        ...(random.below(2) && { minItems: random.below(3) }),
        ...(random.below(2) && { maxItems: 2 + random.below(3) }),
        ...(random.below(4) === 0 && {
          contains: one([...NOT_STRINGS, { type: ['string', 'null'] }, inner()]),
          ...(random.below(2) && { minContains: random.below(3) }),
          ...(random.below(2) && { maxContains: random.below(3) }),
        }),
        ...(random.below(4) === 0 && {
          items: { enum: VALUES.slice(random.below(9)) },
          uniqueItems: true,
          prefixItems: undefined,
        }),
      };
    case 9:
      return { anyOf: few(3) };
    case 10:
      return random.below(3)
        ? { allOf: few(2) }
        : { not: one([{ type: 'null' }, { type: ['string', 'object'] }, false]) };
    case 11:
      return {
        if: one([
          ...NOT_STRINGS,
          { properties: { a: one(NOT_STRINGS) }, required: ['a'] },
          { minimum: 1 },
          inner(),
        ]),
        // biome-ignore lint/suspicious/noThenProperty: the name of a keyword.
        ...(random.below(3) && { then: inner() }),
        ...(random.below(2) && { else: inner() }),
      };
    default:
      return { ...(inner() as object), ...(inner() as object), allOf: few(2) };
  }
}
