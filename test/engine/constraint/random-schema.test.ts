import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { Random } from '../../../src/core/random.ts';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { constraintTokenizer, randomAnswer } from './random-answer.ts';
import { randomSchema } from './random-schema.ts';

it('an answer is valid for any schema that was not refused, whatever tokens are chosen', () => {
  const tokenizer = constraintTokenizer();
  let numAnswers = 0;
  for (let seed = 0; seed < 300; seed++) {
    const schema = randomSchema(new Random(seed));
    let constraint: ReturnType<typeof compileConstraint>;
    try {
      constraint = compileConstraint({ type: 'json-schema', schema }, tokenizer);
    } catch (error) {
      // Random schemas often contradict themselves; anything but a reasoned refusal is a fault.
      if (error instanceof UsageError) continue;
      throw error;
    }
    let isValid: (value: unknown) => boolean;
    try {
      isValid = new Ajv2020({ strict: false }).compile(schema);
      isValid(null);
    } catch {
      // Schemas that refer to themselves at the same value end its stack.
      continue;
    }
    const text = randomAnswer(constraint, tokenizer, seed, 12);
    if (text === undefined) continue;
    const verdict = { schema: JSON.stringify(schema), text, valid: isValid(JSON.parse(text)) };
    expect(verdict).toMatchObject({ valid: true });
    numAnswers++;
  }
  expect(numAnswers).toBeGreaterThan(100);
});
