/** `POST /v1/responses` with the official client `openai` 6 against a real socket, and its edges without one. */
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTinyServer, type TinyServer } from './listening.ts';

let tiny: TinyServer;
let client: OpenAI;
beforeAll(async () => {
  tiny = await openTinyServer({ apiKeys: ['key'] });
  client = new OpenAI({ baseURL: tiny.baseURL, apiKey: 'key', maxRetries: 0 });
});
afterAll(() => tiny.close());

const weather: OpenAI.Responses.FunctionTool = {
  type: 'function',
  name: 'weather',
  strict: true,
  parameters: {
    type: 'object',
    properties: { town: { enum: ['Oslo', 'Rome'] } },
    required: ['town'],
    additionalProperties: false,
  },
};
const seed = { seed: 3 } as object;

describe('responses with openai', () => {
  it('answers the same with and without streaming, with usage', async () => {
    const options = { model: 'tiny', instructions: 'Be brief.', input: 'The little lighthouse', ...seed };
    const whole = await client.responses.create({ ...options, max_output_tokens: 24 });
    expect(whole.output_text.length).toBeGreaterThan(0);
    expect(whole).toMatchObject({ object: 'response', model: 'tiny', error: null });
    const { input_tokens = 0, output_tokens = 0, total_tokens } = whole.usage ?? {};
    expect(total_tokens).toBe(input_tokens + output_tokens);

    const stream = client.responses.stream({ ...options, max_output_tokens: 24 });
    let text = '';
    stream.on('response.output_text.delta', (event) => {
      text += event.delta;
    });
    const final = await stream.finalResponse();
    expect(text).toBe(whole.output_text);
    expect(final.output_text).toBe(whole.output_text);
    expect(final.status).toBe(whole.status);
    expect(final.usage?.output_tokens).toBe(output_tokens);
  });

  it('opens and closes every item, and numbers the events', async () => {
    const stream = await client.responses.create({
      model: 'tiny',
      input: [{ role: 'user', content: [{ type: 'input_text', text: 'The little' }] }],
      max_output_tokens: 6,
      stream: true,
      ...seed,
    });
    const types: string[] = [];
    const ids = new Set<string>();
    let next = 0;
    for await (const event of stream) {
      expect(event.sequence_number).toBe(next++);
      if (types.at(-1) !== event.type) types.push(event.type);
      if ('item_id' in event) ids.add(event.item_id);
    }
    expect(ids.size).toBe(1);
    expect(types).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      expect.stringMatching(/^response\.(completed|incomplete)$/),
    ]);
  });

  it('calls tools, and reads what they return', async () => {
    const options = {
      model: 'tiny',
      tools: [weather],
      tool_choice: 'required' as const,
      max_output_tokens: 300,
    };
    const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'Weather?' }];
    const whole = await client.responses.create({ ...options, input, parallel_tool_calls: false, ...seed });
    const [call] = whole.output;
    expect(call).toMatchObject({ type: 'function_call', name: 'weather', status: 'completed' });
    if (call.type !== 'function_call') return;
    expect(['Oslo', 'Rome']).toContain(JSON.parse(call.arguments).town);

    const streamed = await client.responses
      .stream({ ...options, input, parallel_tool_calls: false, ...seed })
      .finalResponse();
    expect(streamed.output[0]).toMatchObject({ type: 'function_call', arguments: call.arguments });

    const next = await client.responses.create({
      model: 'tiny',
      tools: [weather],
      input: [...input, call, { type: 'function_call_output', call_id: call.call_id, output: 'rain' }],
      max_output_tokens: 8,
    });
    expect(next.usage?.input_tokens).toBeGreaterThan(whole.usage?.input_tokens ?? 0);
  });

  it('keeps to a schema', async () => {
    const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] };
    const answer = await client.responses.create({
      model: 'tiny',
      input: 'The little lighthouse',
      text: { format: { type: 'json_schema', name: 'x', schema } },
    });
    expect(typeof JSON.parse(answer.output_text).ok).toBe('boolean');
    expect(answer.status).toBe('completed');
  });

  it.each([
    [{ previous_response_id: 'resp_1' }, 'previous_response_id', 'unsupported_parameter'],
    [{ conversation: { id: 'x' } }, 'conversation', 'unsupported_parameter'],
    [{ background: true }, 'background', 'unsupported_parameter'],
    [{ input: [] }, 'input', 'invalid_value'],
    [{ input: [{ role: 'user', content: [{ type: 'input_image' }] }] }, undefined, 'invalid_value'],
    [{ tools: [{ type: 'web_search' }], tool_choice: 'required' }, 'tool_choice', 'invalid_value'],
    [{ include: ['everything'] }, 'include[0]', 'invalid_value'],
    [{ top_logprobs: 2 }, 'top_logprobs', 'invalid_value'],
    [{ tool_choice: 'required' }, 'tool_choice', 'invalid_value'],
    [
      { text: { format: { type: 'json_schema', name: 'x', schema: { unevaluatedItems: false } } } },
      'text.format.schema',
      'unsupported_schema',
    ],
  ])('refuses %j', async (more, param, code) => {
    const response = await tiny.post(
      '/v1/responses',
      { input: 'Hi', max_output_tokens: 4, ...more },
      { authorization: 'Bearer key' },
    );
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { param: string; code: string } };
    expect(error.code).toBe(code);
    if (param !== undefined) expect(error.param).toBe(param);
  });
});
