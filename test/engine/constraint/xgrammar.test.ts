import { describe, expect, it, vi } from 'vitest';
import { Random } from '../../../src/core/random.ts';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { acceptsText, constraintTokenizer, randomAnswer } from './random-answer.ts';
import { SCHEMAS } from './schemas.ts';
import { openXgrammar } from './xgrammar.ts';

const tokenizer = constraintTokenizer();
// It prints what it thinks of a schema.
vi.spyOn(console, 'log').mockImplementation(() => {});
vi.spyOn(console, 'error').mockImplementation(() => {});
const xgrammar = openXgrammar();

/** Where the two mean different things: a text, what each says of it, and why. */
const DIFFERENCES: Readonly<
  Record<string, readonly [text: string, ours: boolean, theirs: boolean, why: string]>
> = {
  'other properties': [
    '{"id":0,"x":[]}',
    false,
    true,
    'a required key need not be listed; it forgets those that are not',
  ],
  tuple: ['["a"]', true, false, 'prefixItems are not required unless minItems says so'],
  'closed tuple': ['["a"]', true, false, 'prefixItems are not required unless minItems says so'],
  allOf: ['{"a":3}', false, true, 'it does not merge what allOf holds'],
  pattern: ['"AB-1.\\a"', false, true, 'a pattern is about the string, not about how JSON spells it'],
  'pattern that searches': ['"a é1"', true, false, 'patterns match anywhere in the text'],
  'format and pattern': ['"1999-01-01"', false, true, 'it ignores the pattern with a format'],
  'pattern and length': ['"cccccccc"', false, true, 'it ignores the length with a pattern'],
  uri: ['"a0b://c"', true, false, 'a scheme may have digits'],
  'numbers between 0 and 1': ['0.12345678', true, false, 'it allows six digits after the point'],
  'numbers between -0.25 and 12.5': ['0.12345678', true, false, 'it allows six digits after the point'],
  'tiny numbers': ['0.0000001', true, false, 'it allows six digits after the point'],
  'integers below -5': ['-1', false, true, 'a fault of its version 0.1.27'],
};
/** Schemas that end its process: a key with a line end, a bound of an integer that is none. */
const ABORTS = new Set(['properties, some required', 'integers from -13 to 1207']);

/** A text with one character more, less or other. */
function damaged(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const character = '"{}[],:01a\\-'[random.below(12)];
  return text.slice(0, at) + (random.below(3) === 0 ? '' : character) + text.slice(at + random.below(2));
}

/** JSON without white space and with the shortest spelling of strings. */
function compact(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return undefined;
  }
}

describe('xgrammar agrees on', () => {
  const agreed = Object.entries(SCHEMAS).filter(([name]) => !ABORTS.has(name) && !(name in DIFFERENCES));

  it.each(agreed)('%s', async (_, schema) => {
    const constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
    const random = new Random(3);
    for (let seed = 0; seed < 3; seed++) {
      const text = randomAnswer(constraint, tokenizer, seed, 10);
      if (text === undefined || text.length > 200) continue;
      expect([text, await xgrammar.accepts(schema, text)]).toEqual([text, true]);
      for (let i = 0; i < 8; i++) {
        const other = damaged(text, random);
        const ours = acceptsText(constraint, tokenizer, other);
        const theirs = await xgrammar.accepts(schema, other);
        // It allows any white space, and strings in any spelling where we allow one.
        const isSpelling = theirs && !ours && acceptsText(constraint, tokenizer, compact(other) ?? '');
        expect([other, ours || isSpelling]).toEqual([other, theirs]);
      }
    }
  });
});

describe('xgrammar differs on', () => {
  it.each(Object.entries(DIFFERENCES))('%s', async (name, [text, ours, theirs]) => {
    const schema = SCHEMAS[name];
    const constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
    expect(acceptsText(constraint, tokenizer, text)).toBe(ours);
    expect(await xgrammar.accepts(schema, text)).toBe(theirs);
  });
});
