import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { constraintTokenizer, randomAnswer } from './random-answer.ts';

const tokenizer = constraintTokenizer();
// Formats have their own tests.
const ajv = new Ajv2020({ strict: false, validateFormats: false, multipleOfPrecision: 9 });

// The schemas that pydantic 2 makes of these types, each with what of it is not enforced.
it.each<[type: string, schema: object, ignored?: string[]]>([
  ['HttpUrl', { format: 'uri', maxLength: 2083, minLength: 1, type: 'string' }],
  ['UUID4', { format: 'uuid4', type: 'string' }, ['#: format "uuid4"']],
  ['bytes', { format: 'binary', type: 'string' }, ['#: format "binary"']],
  ['SecretStr', { format: 'password', type: 'string', writeOnly: true }, ['#: format "password"']],
  ['timedelta', { format: 'duration', type: 'string' }],
  ['IPv4Address', { format: 'ipv4', type: 'string' }],
  [
    'Decimal',
    { anyOf: [{ type: 'number' }, { pattern: '^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$', type: 'string' }] },
  ],
  ['Set[str]', { items: { type: 'string' }, type: 'array', uniqueItems: true }, ['#: uniqueItems']],
  [
    'Set[Color]',
    {
      $defs: { Color: { enum: ['r', 'g'], title: 'Color', type: 'string' } },
      items: { $ref: '#/$defs/Color' },
      type: 'array',
      uniqueItems: true,
    },
  ],
  [
    'Dict[Color, int]',
    {
      $defs: { Color: { enum: ['r', 'g'], title: 'Color', type: 'string' } },
      additionalProperties: { type: 'integer' },
      propertyNames: { $ref: '#/$defs/Color' },
      type: 'object',
    },
  ],
  ['Dict[str of a pattern, int]', { patternProperties: { '^a+$': { type: 'integer' } }, type: 'object' }],
  [
    'Dict with lengths',
    { additionalProperties: { type: 'integer' }, maxProperties: 3, minProperties: 1, type: 'object' },
  ],
  [
    'Tuple[int, str]',
    { maxItems: 2, minItems: 2, prefixItems: [{ type: 'integer' }, { type: 'string' }], type: 'array' },
  ],
  ['multiple_of=5', { multipleOf: 5, type: 'integer' }],
  ['multiple_of=0.1', { multipleOf: 0.1, type: 'number' }],
  ['a name', { pattern: '^[\\w\\-\\.]+$', type: 'string' }],
  [
    'tagged union',
    {
      $defs: {
        Cat: {
          properties: { kind: { const: 'cat', title: 'Kind', type: 'string' }, n: { type: 'integer' } },
          required: ['kind', 'n'],
          type: 'object',
        },
        Dog: {
          properties: { kind: { const: 'dog', title: 'Kind', type: 'string' }, m: { type: 'number' } },
          required: ['kind', 'm'],
          type: 'object',
        },
      },
      discriminator: { mapping: { cat: '#/$defs/Cat', dog: '#/$defs/Dog' }, propertyName: 'kind' },
      oneOf: [{ $ref: '#/$defs/Cat' }, { $ref: '#/$defs/Dog' }],
    },
    ['#: oneOf is read as anyOf'],
  ],
])('what pydantic makes of %s compiles, and answers are valid', (_, schema, ignored = []) => {
  const constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
  expect(constraint.ignored).toEqual(ignored);
  const isValid = ajv.compile(
    ignored.includes('#: uniqueItems') ? { ...schema, uniqueItems: false } : schema,
  );
  let numAnswers = 0;
  for (let seed = 0; seed < 8; seed++) {
    const text = randomAnswer(constraint, tokenizer, seed, 10 + 4 * seed);
    if (text === undefined) continue;
    numAnswers++;
    expect([text, isValid(JSON.parse(text))]).toEqual([text, true]);
  }
  expect(numAnswers).toBeGreaterThan(2);
});
