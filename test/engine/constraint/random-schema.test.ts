import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { Random } from '../../../src/core/random.ts';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { constraintTokenizer, randomAnswer } from './random-answer.ts';
import { randomSchema } from './random-schema.ts';
import { SCHEMAS } from './schemas.ts';

it('an answer is valid for any schema that was not refused, whatever tokens are chosen', () => {
  const tokenizer = constraintTokenizer();
  let numAnswers = 0;
  for (let seed = 0; seed < 150; seed++) {
    // Undefined keywords are absent.
    const schema = JSON.parse(JSON.stringify(randomSchema(new Random(seed))));
    let constraint: ReturnType<typeof compileConstraint>;
    try {
      constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
    } catch (error) {
      // Random schemas often contradict themselves; anything but a reasoned refusal is a fault.
      if (error instanceof UsageError) continue;
      throw error;
    }
    // What is not enforced is reported.
    if (constraint.ignored.length > 0) continue;
    let isValid: (value: unknown) => boolean;
    try {
      isValid = new Ajv2020({ strict: false, multipleOfPrecision: 9 }).compile(schema);
      isValid(null);
    } catch {
      // Schemas that refer to themselves at the same value end its stack.
      continue;
    }
    const text = randomAnswer(constraint, tokenizer, seed, 12);
    if (text === undefined) continue;
    let valid: boolean;
    try {
      valid = isValid(JSON.parse(text));
    } catch (error) {
      if (error instanceof RangeError) continue;
      throw error;
    }
    expect({ schema: JSON.stringify(schema), text, valid }).toMatchObject({ valid: true });
    numAnswers++;
  }
  expect(numAnswers).toBeGreaterThan(50);
});

const JUNK = [
  null,
  0,
  -1,
  1.5,
  1e300,
  '',
  '#',
  '(',
  true,
  [],
  {},
  [null],
  [[]],
  { $ref: '#' },
  'string',
  2 ** 40,
];

/** A copy with one part replaced, at any depth. */
function damaged(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random.below(6) === 0)
    return JUNK[random.below(JUNK.length)];
  const copy: unknown[] | Record<string, unknown> = Array.isArray(value) ? [...value] : { ...value };
  const keys = Object.keys(copy);
  const key = keys[random.below(keys.length)];
  if (key === undefined) return JUNK[random.below(JUNK.length)];
  (copy as Record<string, unknown>)[key] = damaged((value as Record<string, unknown>)[key], random);
  return copy;
}

it('a schema that is damaged anywhere compiles or is refused with a reason', () => {
  const tokenizer = constraintTokenizer();
  const schemas = Object.values(SCHEMAS);
  let numRefused = 0;
  for (let seed = 0; seed < 1500; seed++) {
    const random = new Random(seed);
    const schema = damaged(schemas[random.below(schemas.length)], random);
    try {
      compileConstraint({ type: 'json-schema', schema }, tokenizer).start();
    } catch (error) {
      expect({ schema: JSON.stringify(schema), error }).toMatchObject({ error: expect.any(UsageError) });
      numRefused++;
    }
  }
  expect(numRefused).toBeGreaterThan(300);
});
