import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { type ConstraintSpec, compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import type { ToolRules } from '../../../src/engine/constraint/tool-grammar.ts';
import { ToolCallParser } from '../../../src/text/tools/tool-call-parser.ts';
import { callText } from '../../../src/text/tools/tool-format.ts';
import { Vocabulary } from '../../../src/text/vocabulary.ts';
import { fixtureTokenizer, fixtureVocabulary } from '../../text/fixture.ts';
import { acceptsText, constraintTokenizer, isAllowed, randomAnswer } from './random-answer.ts';

const tokenizer = constraintTokenizer();
const compile = (spec: ConstraintSpec) => compileConstraint(spec, tokenizer);
const schema = (value: unknown) => compile({ type: 'json-schema', schema: value });

describe('tools', () => {
  const rules: Omit<ToolRules, 'choice'> = {
    tools: [
      {
        name: 'weather',
        parameters: {
          type: 'object',
          properties: {
            city: { type: 'string', maxLength: 9 },
            days: { type: 'integer', minimum: 1, maximum: 14 },
          },
          required: ['city'],
          additionalProperties: false,
        },
      },
      { name: 'now', parameters: { type: 'object', properties: {} } },
      { name: 'free' },
    ],
  };
  const validators = rules.tools.map(({ parameters }) =>
    new Ajv2020().compile((parameters as object | undefined) ?? { type: 'object' }),
  );

  it.each(['required', { name: 'weather' }] as const)(
    '%j: calls that are valid, and nothing else',
    (wanted) => {
      const constraint = compile({ type: 'tools', ...rules, choice: wanted });
      let numCalls = 0;
      for (let seed = 0; seed < 20; seed++) {
        const text = randomAnswer(constraint, tokenizer, seed, 40);
        if (text === undefined) continue;
        const parser = new ToolCallParser();
        const deltas = [...parser.push(text), ...parser.finish()];
        expect(deltas.some(({ type }) => type === 'content')).toBe(false);
        expect(parser.calls.map(callText).join('\n')).toBe(text);
        for (const { name, arguments: args } of parser.calls) {
          const tool = rules.tools.findIndex((item) => item.name === name);
          expect(validators[tool](JSON.parse(args))).toBe(true);
          if (typeof wanted === 'object') expect(name).toBe(wanted.name);
          numCalls++;
        }
        expect(parser.calls.length).toBeGreaterThan(0);
      }
      expect(numCalls).toBeGreaterThan(10);
    },
  );

  it('auto: any text, its end at any place, and rules from the marker on', () => {
    const constraint = compile({ type: 'tools', ...rules, choice: 'auto' });
    for (const text of [
      '',
      'Hello <tool',
      '<<tool_call',
      'é {"name": 1}\n',
      '<tool_call >',
      'x</tool_call>',
    ]) {
      expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, true]);
    }
    const call = callText({ name: 'now', arguments: '{}' });
    expect(acceptsText(constraint, tokenizer, `Well, <${call}`)).toBe(true);
    expect(acceptsText(constraint, tokenizer, `${call}\n${call}`)).toBe(true);
    for (const text of [
      '<tool_call>',
      '<tool_call>x',
      `${call} so`,
      callText({ name: 'then', arguments: '{}' }),
    ]) {
      expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, false]);
    }
    // A single token that completes the marker and continues must continue as the rules say.
    const { tokens, tokenTypes } = fixtureVocabulary();
    const vocabulary = new Vocabulary([...tokens, '>x', '>\n{"', 'x>'], [...tokenTypes, 4, 4, 4]);
    const joined = fixtureTokenizer({ vocabulary });
    const state = compileConstraint({ type: 'tools', ...rules, choice: 'auto' }, joined).start();
    for (const token of joined.encode('<tool_call')) state.accept(token);
    const allowed = [0, 1, 2].map((i) => isAllowed(state.mask(), tokens.length + i));
    expect(allowed).toEqual([false, true, true]);
  });

  it('none: no call can begin', () => {
    const constraint = compile({ type: 'tools', ...rules, choice: 'none' });
    expect(acceptsText(constraint, tokenizer, 'text <tool_call')).toBe(true);
    expect(acceptsText(constraint, tokenizer, 'text <tool_call>')).toBe(false);
  });

  it('json: an answer is one call or text that does not begin like one', () => {
    const json = { ...rules, type: 'tools', format: 'json' } as const;
    const auto = compile({ ...json, choice: 'auto' });
    const call = '{"name": "now", "parameters": {}}';
    for (const text of ['', '{', '{"name"', 'x{"name": "now"', '{"name": {}}', 'é', call])
      expect([text, acceptsText(auto, tokenizer, text)]).toEqual([text, true]);
    for (const text of ['{"name": "', `${call} so`, `${call}\n${call}`, call.replace('now', 'then')])
      expect([text, acceptsText(auto, tokenizer, text)]).toEqual([text, false]);
    const none = compile({ ...json, choice: 'none' });
    expect(acceptsText(none, tokenizer, '{"name": ')).toBe(true);
    expect(acceptsText(none, tokenizer, call)).toBe(false);
    let numCalls = 0;
    for (let seed = 0; seed < 20; seed++) {
      const text = randomAnswer(compile({ ...json, choice: 'required' }), tokenizer, seed, 40);
      if (text === undefined) continue;
      const parser = new ToolCallParser({ format: 'json' });
      const deltas = [...parser.push(text), ...parser.finish()];
      expect(deltas.some(({ type }) => type === 'content')).toBe(false);
      const [{ name, arguments: args }] = parser.calls;
      expect(`{"name": "${name}", "parameters": ${args}}`).toBe(text);
      const tool = rules.tools.findIndex((item) => item.name === name);
      expect(validators[tool](JSON.parse(args))).toBe(true);
      numCalls += parser.calls.length;
    }
    expect(numCalls).toBeGreaterThan(10);
  });

  it('parallel: false ends after one call', () => {
    const constraint = compile({ type: 'tools', ...rules, choice: 'required', parallel: false });
    const state = constraint.start();
    for (const token of tokenizer.encode(callText({ name: 'now', arguments: '{}' }))) state.accept(token);
    expect(state.isFinished).toBe(true);
  });

  it('names tool and place of a schema that is not supported', () => {
    const tools = [{ name: 'f', parameters: { type: 'object', properties: { a: { $dynamicRef: '#' } } } }];
    expect(() => compile({ type: 'tools', tools, choice: 'auto' })).toThrow(
      /tool "f": Cannot use "\$dynamicRef" at #\/properties\/a/,
    );
    expect(() => compile({ type: 'tools', tools: [{ name: 'f' }], choice: { name: 'g' } })).toThrow(
      expect.objectContaining({ code: 'unknown-tool' }),
    );
  });
});

describe('regex and choice', () => {
  it.each([
    ['[ab]{2,}c?', ['aa', 'abbac'], ['a', 'abcc', 'aab\n']],
    ['(?:yes|no)\\.|maybe', ['yes.', 'maybe'], ['yes', 'maybe.']],
    ['^\\p$'.replace('\\p', 'x'), ['x'], ['', 'xx']],
    ['.*é\\d', ['é1', 'aé9'], ['é', '\né1']],
    ['(?<year>\\d{4})-\\u{1F642}', ['2024-🙂'], ['2024-']],
    ['[\\p{L}\\p{Nd}]+\\P{L}', ['é你1!', 'a1'], ['a', '!!', 'aé']],
    ['\\p{Script=Greek}{2}', ['αβ'], ['ab', 'α']],
    // What other languages' patterns have and JavaScript's lack.
    ['\\A\\d\\-\\d\\ \\"\\_\\@[\\"\\#]\\Z', ['1-2 "_@#', '1-2 "_@"'], ['1\\-2']],
    ['{a}(?P<x>b)]', ['{a}b]'], ['ab']],
    ['[^\\w\\s]', ['!', '你'], ['a', ' ', '_']],
    ['a<b>', ['a<b>'], ['ab']],
    ['(?!ab)[ab]+|c', ['ba', 'aab', 'c'], ['ab', 'aba']],
    ['a(?=.b)[bc]+(?!b)c?', ['abb', 'acb', 'acbc'], ['acc', 'ab']],
    [
      'P(?:\\d+W|(?!.*W)(?=\\d|T\\d)(?:\\d+Y)?(T(?=\\d)(?:\\d+S)?)?)',
      ['P1W', 'P2Y', 'P1YT3S', 'PT0S'],
      ['P', 'P1YT', 'PT'],
    ],
    ['^(?!\\.)(?!.*\\.\\.)(?=.{3,5}$)[a-z.]*', ['a.b', 'abcde'], ['.ab', 'a..b', 'ab', 'abcdef']],
  ])('%s', (pattern, good, bad) => {
    const constraint = compile({ type: 'regex', pattern });
    for (const text of good) expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, true]);
    for (const text of bad) expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, false]);
  });

  it.each([
    '(?:a(?=b)){2}',
    '(?:a(?=b)|c)d',
    'a(?=b)^b',
    '(?<!a)b',
    '(a)\\1',
    '\\bword',
    '\\p{Nonsense}',
    '\\pL',
    '\\q',
    '(a',
    'a)',
    '[a',
    'a**',
    '{2}',
    'a{3,2}',
    '\\',
    '[z-a]',
  ])('refuses %s', (pattern) => {
    expect(() => compile({ type: 'regex', pattern })).toThrow(
      expect.objectContaining({ code: 'unsupported-pattern' }),
    );
  });

  it('choice: one of the texts, whole', () => {
    const constraint = compile({ type: 'choice', choices: ['yes', 'yes, please', 'no'] });
    const accepted = ['yes', 'yes, please', 'no', 'y', 'yes,', 'nono'].filter((text) =>
      acceptsText(constraint, tokenizer, text),
    );
    expect(accepted).toEqual(['yes', 'yes, please', 'no']);
    expect(() => compile({ type: 'choice', choices: [] })).toThrow(
      expect.objectContaining({ code: 'bad-choices' }),
    );
  });
});

describe('what cannot be promised is refused', () => {
  it.each([
    [
      { properties: { 'a/b': { items: { unevaluatedItems: false } } } },
      '"unevaluatedItems" at #/properties/a~1b/items:',
    ],
    [{ anyOf: [{}, { if: { items: { minimum: 1 } }, else: {} }] }, '"not" at #/anyOf/1: not with "items"'],
    [{ contains: { multipleOf: 2 }, maxContains: 1 }, '"not" at #: not with "multipleOf"'],
    [
      { allOf: [{ contains: { const: 1 } }, { contains: { const: 2 } }] },
      '"contains" at #/allOf/1: only one',
    ],
    [{ type: 'float' }, '"type" at #: not with the value "float"'],
    [{ type: 'number', multipleOf: 0 }, '"multipleOf" at #: not with the value 0'],
    [
      { type: 'integer', multipleOf: 100_003 },
      '"multipleOf" at #: numbers with so many decimals or remainders',
    ],
    [{ uniqueItems: 1 }, '"uniqueItems" at #: not with the value 1'],
    [{ minimum: '3' }, '"minimum" at #: not with the value "3"'],
    [{ $ref: 'other.json' }, '"$ref" at #: there is no schema at'],
    [{ $ref: '#anchor' }, '"$ref" at #: there is no schema at'],
    [{ type: 'integer', not: { const: 0 } }, '"not" at #: not with "const"'],
    [{ not: { items: { type: 'null' } } }, '"not" at #: not with "items"'],
    [{ type: 'object', minProperties: 2 }, '"minProperties" at #: not above 1'],
    [{ type: 'object', unevaluatedProperties: false }, '"unevaluatedProperties" at #:'],
    [{ dependentRequired: { a: 'b' } }, '"dependentRequired" at #: not with the value'],
    [{ items: { $id: 'a', $ref: '#' } }, '"$id" at #/items: not next to "$ref"'],
    [{ $ref: '#/$defs/x' }, '"$ref" at #: there is no schema at'],
    [{ $ref: '#/toString' }, '"$ref" at #: there is no schema at'],
    [{ pattern: '(?:a(?=b)|c)d' }, '"pattern" at #: Cannot use a pattern in which more follows'],
    [{ items: [3] }, '"items" at #: not with the value [3]'],
    [null, 'the schema at #: it must be an object'],
    [{ properties: { a: 3 } }, '"properties" at #:'],
  ])('%j', (value, message) => {
    expect(() => schema(value)).toThrow(message);
    expect(() => schema(value)).toThrow(expect.objectContaining({ code: 'unsupported-schema' }));
  });

  it.each([
    [false],
    [{ type: 'string', enum: [1, 2] }],
    [{ type: 'integer', minimum: 3, maximum: 2 }],
    [{ $ref: '#' }],
    [{ type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] }],
    [{ allOf: [{ type: 'string' }, { type: 'null' }] }],
    [{ type: 'string', pattern: '^a$', minLength: 2 }],
    [{ anyOf: [{ $ref: '#' }, { allOf: [{ $ref: '#' }] }] }],
  ])('nothing satisfies %j', (value) => {
    expect(() => schema(value)).toThrow(expect.objectContaining({ code: 'unsatisfiable-constraint' }));
  });

  it('names of properties are only names', () => {
    const keys = [
      '"',
      '\\',
      '\n',
      '}',
      '__proto__',
      'constructor',
      '',
      '$ref',
      'type',
      'é',
      '\ud800',
      '</script>',
    ];
    const properties = JSON.parse(`{${keys.map((key) => `${JSON.stringify(key)}:{"type":"null"}`).join()}}`);
    const constraint = schema({ type: 'object', properties, required: keys });
    const text = `{${keys.map((key) => `${JSON.stringify(key)}: null`).join()}}`;
    expect(acceptsText(constraint, tokenizer, text)).toBe(true);
    expect(acceptsText(constraint, tokenizer, '{}')).toBe(false);
  });

  it('another key is never a listed one in disguise', () => {
    const constraint = schema({
      properties: { ab: { type: 'null' }, 'é"': { type: 'null' } },
      additionalProperties: { type: 'boolean' },
    });
    for (const text of ['{"ab":null,"a":true}', '{"abc":true,"b":false}', '{"é":true}', '{"é\\"x":true}'])
      expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, true]);
    for (const text of ['{"ab":true}', '{"\\u0061b":true}', '{"a\\u0062":true}', '{"é\\"":true}'])
      expect([text, acceptsText(constraint, tokenizer, text)]).toEqual([text, false]);
  });

  it('a schema that contains itself at the same value adds nothing to itself', () => {
    const constraint = schema({ anyOf: [{ type: 'integer' }, { $ref: '#' }] });
    expect(acceptsText(constraint, tokenizer, '12')).toBe(true);
    expect(acceptsText(constraint, tokenizer, '"a"')).toBe(false);
  });
});

describe('hostile specifications end quickly', () => {
  const nested = (depth: number): object => (depth === 0 ? {} : { items: nested(depth - 1) });
  const many = (count: number, of: (i: number) => unknown) => Array.from({ length: count }, (_, i) => of(i));
  const branches = many(12, () => ({ anyOf: many(4, (i) => ({ minLength: i })) }));
  const hostile: [string, ConstraintSpec][] = [
    ['deep', { type: 'json-schema', schema: nested(40) }],
    ['large', { type: 'json-schema', schema: { enum: many(30_000, (i) => `value number ${i}`) } }],
    ['anyOf multiplied out', { type: 'json-schema', schema: { allOf: branches } }],
    ['counts of counts', { type: 'regex', pattern: '((a{1,900}){1,900}){1,900}' }],
    ['exponential classes', { type: 'regex', pattern: '(?:a|b)*a(?:a|b){40}' }],
    ['many counts', { type: 'regex', pattern: 'a{100000}' }],
    [
      'a product of patterns',
      {
        type: 'json-schema',
        schema: { allOf: many(30, (i) => ({ type: 'string', pattern: `(?:a{${i + 2}}b)+` })) },
      },
    ],
  ];
  it.each(hostile)('%s', (_, spec) => {
    const start = performance.now();
    expect(() => compile(spec)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/constraint-too-large|unsupported-schema/) }),
    );
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('counts within counts that all match at once are given up while they are followed', () => {
    // Each of the numbers of items may be that of any array around it.
    let value: object = { enum: [1] };
    for (let i = 0; i < 6; i++) value = { anyOf: [value, { type: 'array', items: value, maxItems: 900 }] };
    const constraint = schema(value);
    const start = performance.now();
    const text = randomAnswer(constraint, tokenizer, 1, 60);
    if (text !== undefined) JSON.parse(text);
    expect(performance.now() - start).toBeLessThan(15_000);
  });
});
