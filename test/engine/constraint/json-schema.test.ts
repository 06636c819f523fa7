import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { compileConstraint } from '../../../src/engine/constraint/compile-constraint.ts';
import { FORMATS } from '../../../src/engine/constraint/formats.ts';
import { constraintTokenizer, randomAnswer } from './random-answer.ts';
import { SCHEMAS } from './schemas.ts';

const tokenizer = constraintTokenizer();
const ajv = new Ajv2020({ strict: false });
for (const [name, pattern] of Object.entries(FORMATS))
  ajv.addFormat(name, new RegExp(`^(?:${pattern})$`, 'u'));

describe('an answer to a schema', () => {
  it.each(Object.entries(SCHEMAS))('is valid whatever tokens are chosen: %s', (_, schema) => {
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
  });
});
