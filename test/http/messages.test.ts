import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTinyApp, type TinyApp } from './tiny-app.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field.
type Json = any;

let tiny: TinyApp;
beforeAll(async () => {
  tiny = await openTinyApp();
});
afterAll(() => tiny.close());

const weather = {
  name: 'weather',
  description: 'Weather of a town',
  input_schema: { type: 'object', properties: { town: { enum: ['Oslo', 'Rome'] } }, required: ['town'] },
};
const BODY = {
  model: 'tiny',
  max_tokens: 40,
  temperature: 0,
  system: [{ type: 'text', text: 'You are a helpful assistant.', cache_control: { type: 'ephemeral' } }],
  messages: [{ role: 'user', content: 'The little lighthouse' }],
};

const ask = async (more: object = {}): Promise<Json> =>
  (await tiny.post('/v1/messages', { ...BODY, ...more }, { 'anthropic-version': '2023-06-01' })).json();

/** Events by name, each checked to be called by its type. */
async function events(more: object): Promise<Json[]> {
  const text = await (await tiny.post('/v1/messages', { ...BODY, ...more, stream: true })).text();
  return text
    .trimEnd()
    .split('\n\n')
    .map((event) => {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) as RegExpExecArray;
      const value = JSON.parse(data);
      expect(value.type).toBe(name);
      return value;
    });
}

describe('POST /v1/messages', () => {
  it('answers with blocks, the reason of the end, and usage', async () => {
    const answer = await ask();
    expect(answer).toMatchObject({ type: 'message', role: 'assistant', model: 'tiny', stop_sequence: null });
    expect(answer.content).toEqual([{ type: 'text', text: expect.any(String) }]);
    expect(['end_turn', 'max_tokens']).toContain(answer.stop_reason);
    const counted: Json = await (await tiny.post('/v1/messages/count_tokens', BODY)).json();
    expect(counted.input_tokens).toBe(answer.usage.input_tokens + answer.usage.cache_read_input_tokens);
  });

  it('streams events in the order that clients need, with the same text', async () => {
    const all = await events({});
    const types = all.map(({ type }) => type).filter((type) => type !== 'content_block_delta');
    expect(types).toEqual([
      'message_start',
      'content_block_start',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(all[0].message.usage.input_tokens).toBeGreaterThan(0);
    const text = all.map(({ delta }) => delta?.text ?? '').join('');
    expect(text).toBe((await ask()).content[0].text);
  });

  it('calls tools, streamed or not, and takes their results', async () => {
    const more = {
      tools: [weather],
      tool_choice: { type: 'tool', name: 'weather', disable_parallel_tool_use: true },
      max_tokens: 200,
    };
    const answer = await ask(more);
    expect(answer.stop_reason).toBe('tool_use');
    expect(answer.content).toEqual([
      {
        type: 'tool_use',
        id: expect.stringMatching(/^call_/),
        name: 'weather',
        input: { town: expect.any(String) },
      },
    ]);
    const all = await events(more);
    expect(all.find(({ type }) => type === 'content_block_start').content_block).toMatchObject({
      type: 'tool_use',
      input: {},
    });
    const json = all.map(({ delta }) => delta?.partial_json ?? '').join('');
    expect(JSON.parse(json)).toEqual(answer.content[0].input);
    const [call] = answer.content;
    const next = await ask({
      tools: [weather],
      messages: [
        ...BODY.messages,
        { role: 'assistant', content: answer.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'rain' }] },
      ],
      tool_choice: { type: 'none' },
    });
    expect(next.content[0].type).toBe('text');
  });

  it('a stop sequence is named', async () => {
    const { text } = (await ask()).content[0];
    const answer = await ask({ stop_sequences: [text.slice(3, 6)] });
    expect(answer).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: text.slice(3, 6) });
    expect(answer.content[0].text).toBe(text.slice(0, 3));
  });

  it('a first line that changes with every request is not shown to the model', async () => {
    const count = async (system: unknown): Promise<number> =>
      ((await (await tiny.post('/v1/messages/count_tokens', { ...BODY, system })).json()) as Json)
        .input_tokens;
    const lasting = { type: 'text', text: 'Be brief.' };
    expect(await count([{ type: 'text', text: 'x-anthropic-billing: 17' }, lasting])).toBe(
      await count([lasting]),
    );
  });

  it.each([
    [{ max_tokens: null }, 400, 'invalid_request_error'],
    [{ model: 'claude' }, 404, 'not_found_error'],
    [{ messages: [{ role: 'user', content: [{ type: 'image' }] }] }, 400, 'invalid_request_error'],
    [
      { tools: [{ ...weather, input_schema: { type: 'object', unevaluatedItems: false } }] },
      400,
      'invalid_request_error',
    ],
  ])('%j gives an error of its own shape', async (more, status, type) => {
    const response = await tiny.post('/v1/messages', { ...BODY, ...more });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ type: 'error', error: { type, message: expect.any(String) } });
  });
});
