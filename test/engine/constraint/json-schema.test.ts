import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { FORMATS } from '../../../src/engine/constraint/formats.ts';
import { acceptsText, constraintTokenizer, randomAnswer } from './random-answer.ts';
import { SCHEMAS, WIDER_SCHEMAS } from './schemas.ts';

const tokenizer = constraintTokenizer();
const ajv = new Ajv2020({ strict: false, logger: false });
for (const [name, pattern] of Object.entries(FORMATS))
  ajv.addFormat(name, new RegExp(`^(?:${pattern})$`, 'u'));

describe('an answer to a schema', () => {
  it.each(Object.entries({ ...SCHEMAS, ...WIDER_SCHEMAS }))(
    'is valid whatever tokens are chosen: %s',
    (_, schema) => {
      const constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
      const isValid = ajv.compile(schema as object);
      let numEnded = 0;
      for (let seed = 0; seed < 8; seed++) {
        const text = randomAnswer(constraint, tokenizer, seed, 10 + 4 * seed);
        if (text === undefined) continue;
        numEnded++;
        expect(text).not.toContain('\ufffd');
        const value = JSON.parse(text);
        expect({ text, valid: isValid(value), errors: isValid.errors }).toMatchObject({ valid: true });
      }
      expect(numEnded).toBeGreaterThan(2);
    },
  );
});

describe('a keyword', () => {
  // Schema, answers that are possible, answers that are not.
  it.each<[object, string[], string[]]>([
    [
      { type: 'integer', format: 'uint32', 'x-a': 1, contentEncoding: 'x', $anchor: 'b' },
      ['-1', '7'],
      ['"7"'],
    ],
    [{ type: 'string', format: 'password', minLength: 1 }, ['"x"'], ['""']],
    [{ type: 'string', nullable: true }, ['"x"', 'null'], ['1']],
    [{ enum: ['a', null], type: 'string', nullable: true }, ['"a"', 'null'], ['"b"']],
    [{ items: [{ const: 1 }, { const: 2 }] }, ['[]', '[1]', '[1,2]'], ['[2]', '[1,2,3]']],
    [{ type: 'number', multipleOf: 0.01 }, ['0.07', '-12.30', '5', '0.1'], ['0.005', '1e2']],
    [{ type: 'number', multipleOf: 2.5 }, ['7.5', '10', '-2.5'], ['1', '2', '7.6']],
    [{ type: 'integer', multipleOf: 7, minimum: 20, maximum: 43 }, ['21', '42'], ['14', '20', '49', '43']],
    [
      { type: 'integer', multipleOf: 86_400, minimum: 0, maximum: 2 ** 53 - 1 },
      ['0', '86400', '8640000', '604800', '9007199254713600'],
      ['86401', '864', '43200', '9007199254713601', '9007199254800000'],
    ],
    [
      { type: 'number', multipleOf: 12.5, minimum: -1e6 },
      ['0', '12.5', '25', '25.0', '-37.5', '999999987.5'],
      ['12.50', '12', '6.25', '5'],
    ],
    [
      { type: 'integer', multipleOf: 1009, minimum: -(2 ** 53), maximum: 2 ** 53 },
      ['0', '1009', '-2018', '1009000000'],
      ['1008', '1', '-1', '1009000001'],
    ],
    [
      { type: 'string', pattern: '^(?=.{2,5}\\.?$)[a-z]+(\\.[a-z]+)*\\.?$' },
      ['"ab"', '"a."', '"a.b.c"', '"abcde"', '"abcd."'],
      ['"a"', '"abcdef"', '"a.b.cd"', '"ab1"', '".a"', '"ab.."'],
    ],
    // In a list of values it is the pattern to the letter.
    [
      { enum: ['abcde.', 'abcdef', 'a'], pattern: '^(?=.{2,5}\\.?$)[a-z]+\\.?$' },
      ['"abcde."'],
      ['"abcdef"', '"a"'],
    ],
    [
      { type: 'string', pattern: '^(?=a{2,3}b?$)[ab]+$' },
      ['"aa"', '"aaab"', '"aab"'],
      ['"bb"', '"aaaa"', '"ab"'],
    ],
    [{ type: 'string', pattern: '^(?=.{3,}$)[a-z]*$' }, ['"abc"', '"abcdefgh"'], ['"ab"', '"ABC"']],
    [
      { type: 'integer', minimum: 3, exclusiveMinimum: true, maximum: 5, exclusiveMaximum: false },
      ['4', '5'],
      ['3', '6'],
    ],
    [{ items: { enum: [1, 2, 3] }, uniqueItems: true, maxItems: 2 }, ['[3,1]', '[2]'], ['[1,1]', '[1,2,3]']],
    [{ items: { type: 'string' }, uniqueItems: true, maxItems: 1 }, ['["a"]'], ['["a","b"]']],
    [
      { type: 'object', propertyNames: { enum: ['a', 'b'] }, additionalProperties: { type: 'null' } },
      ['{}', '{"a":null,"b":null}'],
      ['{"c":null}', '{"a":1}', '{"a":null,"a":null}'],
    ],
    [
      { type: 'object', properties: { ab: {} }, propertyNames: { maxLength: 1 }, additionalProperties: true },
      ['{"a":1}'],
      ['{"ab":1}', '{"xy":1}'],
    ],
    [{ type: 'object', propertyNames: { not: { const: 'a' } } }, ['{"b":1}'], ['{"a":1}']],
    [
      { type: 'object', patternProperties: { '^a': { type: 'null' } } },
      ['{"ab":null}'],
      ['{"ab":1}', '{"b":1}'],
    ],
    [{ type: 'object', properties: { a: {} }, minProperties: 1 }, ['{"a":1}'], ['{}', '{"b":1}']],
    [{ type: 'object', maxProperties: 1 }, ['{}', '{"b":1}'], ['{"a":1,"b":1}']],
    [
      { properties: { a: {}, b: {} }, additionalProperties: true, maxProperties: 3000 },
      ['{}', '{"b":1}', '{"a":1,"x":1,"y":2}'],
      ['{"x":1,"a":1}'],
    ],
    [{ type: 'object', maxProperties: 0 }, ['{}'], ['{"a":1}']],
    [{ type: 'object', properties: { a: { not: {} }, b: {} } }, ['{"b":1}', '{}'], ['{"a":1}']],
    [{ not: { type: ['string', 'object'] } }, ['1', 'null', '[]'], ['"a"', '{}']],
    [{ type: 'string', not: { minLength: 3 } }, ['"ab"'], ['"abc"']],
    [{ type: 'string', not: { enum: ['a', 'b', 1] } }, ['"c"', '"ab"'], ['"a"', '"b"']],
    [{ enum: [1, 2, 3], not: { minimum: 2 } }, ['1'], ['2', '3']],
    [{ type: 'number', not: { minimum: 2 } }, ['1', '1.9', '-3'], ['2', '3']],
    [{ type: 'string', not: { minLength: 2, pattern: 'b' } }, ['"b"', '"aa"'], ['"ab"']],
    [{ type: 'object', not: { required: ['a'] } }, ['{}', '{"b":1}'], ['{"a":1}', '{"b":1,"a":1}']],
    [{ type: 'object', not: { required: ['a', 'b'] } }, ['{}', '{"a":1}'], ['{"a":1,"b":1}']],
    [
      { properties: { a: { type: 'string' } }, not: { properties: { a: { const: 'x' } }, required: ['a'] } },
      ['{}', '{"a":"y"}'],
      ['{"a":"x"}'],
    ],
    [{ not: { anyOf: [{ type: 'string' }, { not: { type: 'null' } }] } }, ['null'], ['"a"', '1']],
    [
      {
        properties: { kind: { enum: ['card', 'cash'] }, number: { type: 'integer' } },
        required: ['kind'],
        if: { properties: { kind: { const: 'card' } } },
        // biome-ignore lint/suspicious/noThenProperty: the name of a keyword.
        then: { required: ['number'] },
        else: { not: { required: ['number'] } },
      },
      ['{"kind":"card","number":1}', '{"kind":"cash"}'],
      ['{"kind":"card"}', '{"kind":"cash","number":1}', '{"number":1}'],
    ],
    // biome-ignore lint/suspicious/noThenProperty: the name of a keyword.
    [{ type: 'integer', if: { minimum: 10 }, then: { multipleOf: 5 } }, ['3', '10', '15'], ['11']],
    [
      { properties: { a: {}, b: {} }, dependentRequired: { a: ['b'] } },
      ['{}', '{"b":1}', '{"a":1,"b":1}'],
      ['{"a":1}'],
    ],
    [
      {
        properties: { a: {}, b: {} },
        dependencies: { a: ['b'], b: { properties: { b: { type: 'null' } } } },
      },
      ['{}', '{"b":null}', '{"a":1,"b":null}'],
      ['{"a":1}', '{"b":1}'],
    ],
    [{ type: 'array', contains: { const: 1 } }, ['[1]', '[2,1]', '[1,2,1]'], ['[]', '[2]', '[2,3]']],
    [
      { items: { enum: [1, 2, 3] }, contains: { enum: [1, 2] }, minContains: 2, maxContains: 2, maxItems: 3 },
      ['[1,2]', '[3,1,1]', '[1,3,2]'],
      ['[1]', '[1,2,1]', '[3,3,1]', '[1,3,3,2]'],
    ],
    [
      { prefixItems: [{ const: 'a' }], items: {}, contains: { const: 1 } },
      ['["a",1]', '["a",2,1]'],
      ['["a"]', '[1]'],
    ],
    [{ type: 'array', contains: { const: 1 }, minContains: 0, maxItems: 1 }, ['[]', '[2]'], ['[1,1]']],
    [{ $ref: '#x', $defs: { a: { $anchor: 'x', const: 1 } } }, ['1'], ['2']],
    [{ $ref: '#/components/schemas/a', components: { schemas: { a: { const: 1 } } } }, ['1'], ['2']],
    [
      { type: 'string', format: 'uri', maxLength: 12 },
      ['"http://a.bc"', '"x://é"'.replace('é', 'e')],
      ['"http://a.bcde"'],
    ],
    [{ type: 'string', pattern: '^(?:aé)*$', maxLength: 5 }, ['""', '"aéaé"'], ['"aéa"', '"aéaéaé"']],
    [{ type: 'string', pattern: 'a(?=b)' }, ['"ab"', '"xaby"'], ['"a"', '"ac"']],
    [{ type: 'string', pattern: '^a(?!b)' }, ['"a"', '"acb"'], ['"ab"', '"ba"']],
    [{ type: 'string', pattern: 'a(?!b)$' }, ['"a"', '"ba"'], ['"ab"']],
    [{ type: 'string', pattern: '^a*$', minLength: 3 }, ['"aaa"', '"aaaaaaa"'], ['"aa"']],
    [
      { type: 'string', format: 'duration' },
      ['"P1Y2M3DT4H5M6S"', '"PT0S"', '"P2W"'],
      ['"P"', '"P1YT"', '"PT1D"'],
    ],
    [{ type: 'string', format: 'hostname' }, ['"a-b.example"'], ['"-a"', '"a..b"', `"${'a'.repeat(64)}"`]],
    [{ type: 'string', format: 'json-pointer' }, ['""', '"/a~1b/~0"'], ['"a"', '"/~2"']],
    [{ type: 'string', format: 'relative-json-pointer' }, ['"0#"', '"1/a"'], ['"/a"', '"01"']],
  ])('%j', (schema, good, bad) => {
    const constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
    for (const text of good) expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, true]);
    for (const text of bad) expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, false]);
  });

  it('that is not enforced is reported with its place, an annotation is not', () => {
    const schema = {
      title: 'T',
      'x-a': 1,
      type: 'object',
      properties: {
        a: { type: 'integer', format: 'uint32' },
        b: { type: 'array', items: { type: 'string' }, uniqueItems: true, minItem: 3 },
        c: { oneOf: [{ type: 'string' }, { const: 'x' }] },
        d: { type: 'string', format: 'date', contentEncoding: 'base64' },
      },
    };
    expect(compileConstraint({ type: 'json-schema', schema }, tokenizer).ignored.toSorted()).toEqual([
      '#/properties/a: format "uint32"',
      '#/properties/b: uniqueItems',
      '#/properties/b: unknown keyword "minItem"',
      '#/properties/c: oneOf is read as anyOf',
    ]);
  });
});

describe('large schemas', () => {
  it('of many properties keep to maxProperties', () => {
    const properties = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`p${i}`, { type: 'null' }]));
    const of = (maxProperties: number) =>
      compileConstraint(
        {
          type: 'json-schema',
          schema: { properties, additionalProperties: { type: 'null' }, maxProperties },
        },
        tokenizer,
      );
    const text = (numListed: number, numOthers: number): string =>
      JSON.stringify(
        Object.fromEntries(
          [...Array(numListed).keys()]
            .map((i) => [`p${i}`, null])
            .concat([...Array(numOthers).keys()].map((i) => [`q${i}`, null])),
        ),
      );
    expect(acceptsText(of(62), tokenizer, text(60, 2))).toBe(true);
    expect(acceptsText(of(62), tokenizer, text(60, 3))).toBe(false);
    expect(acceptsText(of(62), tokenizer, text(61, 2))).toBe(false);
    expect(acceptsText(of(100), tokenizer, text(60, 40))).toBe(true);
    expect(acceptsText(of(100), tokenizer, text(60, 41))).toBe(false);
  });

  it('a list of ten thousand strings compiles in time that grows with its length', () => {
    const compile = (count: number): number => {
      const schema = { enum: Array.from({ length: count }, (_, i) => `value ${(i * 7919) % 100_003}`) };
      const start = performance.now();
      const constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
      expect(acceptsText(constraint, tokenizer, JSON.stringify(schema.enum[count - 1]))).toBe(true);
      return performance.now() - start;
    };
    compile(100);
    expect(compile(10_000)).toBeLessThan(3000);
  });

  it('of 512 objects compile, and an answer never fails', () => {
    const of = (shape: (i: number) => object) => ({ anyOf: Array.from({ length: 512 }, (_, i) => shape(i)) });
    const tagged = (i: number) => ({
      type: 'object',
      properties: { kind: { const: `k${i}` }, [`v${i}`]: { type: 'integer' }, note: { type: 'string' } },
      required: ['kind', `v${i}`],
    });
    const optional = (i: number) => ({
      type: 'object',
      properties: Object.fromEntries([1, 2, 3, 4].map((k) => [`p${k}`, { type: 'integer', minimum: i }])),
    });
    for (const schema of [of(tagged), of(optional)]) {
      const constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
      for (let seed = 0; seed < 12; seed++) {
        const text = randomAnswer(constraint, tokenizer, seed, 20);
        if (text !== undefined) JSON.parse(text);
      }
    }
  });
});
