// An answer that matches a JSON Schema, whatever the model would have liked to say.
import { compileConstraint, open } from 'dots.ts';

const model = await open('mini');
const schema = {
  type: 'object',
  properties: { animal: { enum: ['dog', 'cat', 'bird'] }, legs: { type: 'integer', minimum: 0, maximum: 8 } },
  required: ['animal', 'legs'],
  additionalProperties: false,
};
// Compile once, use for all answers of this form.
const constraint = compileConstraint({ type: 'json-schema', schema }, model.tokenizer);
const { text } = await model.ask('Name an animal and its number of legs.', { constraint, temperature: 0 });
console.log(JSON.parse(text));
await model.close();
