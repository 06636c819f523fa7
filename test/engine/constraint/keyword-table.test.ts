import { describe, expect, it } from 'vitest';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { KEYWORDS } from '../../../src/engine/constraint/schema-keywords.ts';
import { docTable } from '../../fixtures/doc-table.ts';
import { constraintTokenizer } from './random-answer.ts';

const tokenizer = constraintTokenizer();
const named = (use: string) => Object.entries(KEYWORDS).filter(([, keyword]) => keyword.use === use);
const list = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ');

it('docs/structured-output.md lists every keyword and what becomes of it (DOTS_WRITE_DOCS=1 writes the table)', () => {
  const rows = [
    ['Keyword', 'Treatment', 'Notes'],
    ...named('enforced').map(([name, { note = '' }]) => [`\`${name}\``, 'enforced', note]),
    [list(named('annotation').map(([name]) => name)), 'ignored', 'annotations; they do not restrict values'],
    [
      'names that JSON Schema does not define',
      'ignored',
      'as JSON Schema says; reported, except those that begin with `x-`',
    ],
    [
      list(named('refused').map(([name]) => name)),
      'error',
      '`unsupported-schema` with keyword and JSON pointer; allowed where they restrict nothing',
    ],
  ];
  const { is, should } = docTable('docs/structured-output.md', 'keywords', rows);
  expect(is).toBe(should);
});

describe('the table of keywords', () => {
  const compile = (schema: object) => compileConstraint({ type: 'json-schema', schema }, tokenizer);

  it.each(named('annotation'))('%s: any value is ignored and not reported', (keyword) => {
    for (const value of [null, 1, 'x', ['x'], { type: 'nonsense' }, true])
      expect(compile({ type: 'integer', [keyword]: value }).ignored).toEqual([]);
  });

  it.each(named('refused'))('%s: is refused by name, with what to do', (keyword) => {
    const schema = { [keyword]: { a: ['b'] } };
    let error: { code?: string; message?: string; hint?: string } = {};
    try {
      compile(schema);
    } catch (thrown) {
      error = thrown as object;
    }
    expect(error.code).toBe('unsupported-schema');
    expect(error.message).toMatch(/^Cannot use "(\$|\w)+" at #/);
    expect(error.hint).toMatch(/^remove it from the schema/);
  });

  it.each(named('enforced'))('%s: a value that means nothing is refused', (keyword) => {
    // Any value is a constant.
    if (keyword === 'const') return;
    const value = /minimum|maximum/i.test(keyword) ? 'x' : -1.5;
    expect(() => compile({ [keyword]: value })).toThrow(
      expect.objectContaining({ code: 'unsupported-schema' }),
    );
  });
});
