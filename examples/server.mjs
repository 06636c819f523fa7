// The OpenAI API in your own process. Any client of that API can use it; here it is `fetch`.
import { createServer, open } from 'dots.ts';

const model = await open('mini', { maxParallel: 4 });
const server = await createServer(model, { port: 0 });
console.log(`${server.modelName} on ${server.url}`);

const response = await fetch(`${server.url}/v1/chat/completions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ messages: [{ role: 'user', content: 'Who are you?' }], temperature: 0 }),
});
const answer = /** @type {{ choices: { message: { content: string } }[] }} */ (await response.json());
console.log(answer.choices[0].message.content);

await server.close();
await model.close();
