/** Ollama's own client, which checks nothing but expects its formats. */
import { Ollama } from 'ollama';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTinyServer, type TinyServer } from './listening.ts';

let tiny: TinyServer;
let client: Ollama;
beforeAll(async () => {
  tiny = await openTinyServer({ aliases: ['other'] });
  client = new Ollama({ host: tiny.server.url });
});
afterAll(() => tiny.close());

const messages = [{ role: 'user', content: 'The little lighthouse' }];
const options = { seed: 1, num_predict: 12 };

it('chats, whole and streamed, with the tokens of the other APIs', async () => {
  const whole = await client.chat({ model: 'tiny', messages, options });
  const openai = await tiny.post('/v1/chat/completions', { messages, seed: 1, max_tokens: 12 });
  const { choices } = (await openai.json()) as { choices: { message: { content: string } }[] };
  expect(whole.message).toEqual({ role: 'assistant', content: choices[0].message.content });
  expect(whole).toMatchObject({ model: 'tiny', done: true, load_duration: 0 });
  expect(whole.eval_count).toBeLessThanOrEqual(12);
  expect(whole.total_duration).toBeGreaterThanOrEqual(whole.eval_duration);

  let text = '';
  let numDone = 0;
  for await (const part of await client.chat({ model: 'tiny:latest', messages, options, stream: true })) {
    text += part.message.content;
    if (part.done) numDone++;
  }
  expect({ text, numDone }).toEqual({ text: whole.message.content, numDone: 1 });
});

it('completes text: rendered as a message, and raw', async () => {
  const rendered = await client.generate({ model: 'tiny', prompt: messages[0].content, options });
  const chat = await client.chat({ model: 'tiny', messages, options });
  expect(rendered.response).toBe(chat.message.content);
  const raw = await client.generate({ model: 'tiny', prompt: 'The little', raw: true, options });
  const openai = await tiny.post('/v1/completions', { prompt: 'The little', seed: 1, max_tokens: 12 });
  expect(((await openai.json()) as { choices: { text: string }[] }).choices[0].text).toBe(raw.response);
  let text = '';
  for await (const part of await client.generate({
    model: 'tiny',
    prompt: 'The little',
    raw: true,
    options,
    stream: true,
  }))
    text += part.response;
  expect(text).toBe(raw.response);
});

it('calls tools with arguments that are objects, and reads their results', async () => {
  const parameters = {
    type: 'object',
    properties: { town: { type: 'string', enum: ['Oslo'] } },
    required: ['town'],
  };
  const tools = [{ type: 'function', function: { name: 'weather', description: 'now', parameters } }];
  const call = { function: { name: 'weather', arguments: { town: 'Oslo' } } };
  const history = [
    ...messages,
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', content: 'rain', tool_name: 'weather' },
  ];
  const answer = await client.chat({ model: 'tiny', messages: history, tools, options });
  expect(answer.done).toBe(true);
  for (const { function: called } of answer.message.tool_calls ?? [])
    expect(called).toEqual({ name: 'weather', arguments: { town: 'Oslo' } });
});

it('keeps a format', async () => {
  const format = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] };
  const { message } = await client.chat({
    model: 'tiny',
    messages,
    format,
    options: { seed: 1, num_predict: 100 },
  });
  expect(typeof JSON.parse(message.content).ok).toBe('boolean');
});

it('lists and shows the served model, and says that it is loaded', async () => {
  const { models } = await client.list();
  expect(models.map(({ name }) => name)).toEqual(['tiny:latest', 'other:latest']);
  const shown = await client.show({ model: 'tiny' });
  expect(shown.details).toMatchObject({ format: 'gguf', family: 'dots1' });
  expect(shown.capabilities).toContain('completion');
  expect((await client.generate({ model: 'tiny', prompt: '' })).done_reason).toBe('load');
  expect(await client.version()).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});

it('gets errors as its client reads them', async () => {
  await expect(client.chat({ model: 'none', messages })).rejects.toMatchObject({
    message: expect.stringContaining('"none" is not served'),
    status_code: 404,
  });
  await expect(client.chat({ model: 'tiny', messages, think: true })).rejects.toThrow(
    'think: is not supported',
  );
  await expect(client.chat({ model: 'tiny', messages, options: { mirostat: 2 } })).rejects.toThrow(
    'mirostat',
  );
});

it('a stream that its reader ends frees its sequence', async () => {
  const stream = await client.chat({ model: 'tiny', messages, options: { num_predict: 4000 }, stream: true });
  for await (const _ of stream) break;
  stream.abort();
  const { loop } = tiny.model.engine;
  await expect.poll(() => loop.numRunning + loop.numWaiting).toBe(0);
});
