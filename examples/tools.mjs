// Functions that the model calls while it answers. mini was not trained to call tools, so the example requires one call and does
// not print the answer; a model that was decides for itself (`toolChoice: 'auto'`, the default) and answers in `event.text`.
import { open } from 'dots.ts';

const model = await open('mini');
const weather = {
  description: 'The weather in a city',
  parameters: {
    type: 'object',
    properties: { city: { enum: ['Beijing', 'Paris'] } },
    required: ['city'],
    additionalProperties: false,
  },
  /** @param {{ city: string }} args */
  execute: async ({ city }) => ({ city, degrees: 21, sky: 'clear' }),
};
const options = {
  tools: { weather },
  toolChoice: /** @type {const} */ ('required'),
  parallelToolCalls: false,
  maxToolRounds: 1,
  temperature: 0,
  maxTokens: 60,
};
for await (const event of model.chat('What is the weather in Paris?', options)) {
  if (event.type === 'tool-call') console.log(`${event.name}(${JSON.stringify(event.arguments)})`);
  if (event.type === 'tool-result') console.log(`-> ${event.result}`);
  if (event.type === 'finish') console.log(event.messages.map(({ role }) => role).join(', '));
}
await model.close();
