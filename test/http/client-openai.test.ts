/** The official client `openai` 6 against a real socket. */
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTinyServer, type TinyServer } from './listening.ts';
import { schemaErrors } from './schemas.ts';

let tiny: TinyServer;
let client: OpenAI;
beforeAll(async () => {
  tiny = await openTinyServer({ apiKeys: ['key'] });
  client = new OpenAI({ baseURL: tiny.baseURL, apiKey: 'key', maxRetries: 0 });
});
afterAll(() => tiny.close());

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'The little lighthouse' }];
const weather: OpenAI.ChatCompletionFunctionTool = {
  type: 'function',
  function: {
    name: 'weather',
    parameters: { type: 'object', properties: { town: { enum: ['Oslo', 'Rome'] } }, required: ['town'] },
  },
};

const idle = (): boolean => tiny.model.engine.loop.numRunning + tiny.model.engine.loop.numWaiting === 0;

describe('openai', () => {
  it('lists and retrieves models', async () => {
    const list = await client.models.list();
    expect(list.data.map(({ id }) => id)).toEqual(['tiny']);
    expect((await client.models.retrieve('tiny')).object).toBe('model');
    await expect(client.models.retrieve('none')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it('gets a chat completion whose body is as published, and the id of the request', async () => {
    const { data, request_id } = await client.chat.completions
      .create({ model: 'tiny', messages, max_tokens: 8, seed: 1, logprobs: true, top_logprobs: 2 })
      .withResponse();
    expect(schemaErrors('chatCompletion', data)).toBeUndefined();
    expect(request_id).toMatch(/^req_/);
    expect((data as { _request_id?: string })._request_id).toBe(request_id);
  });

  it('streams chunks as published that add up to the whole answer', async () => {
    const options = { model: 'tiny', messages, max_tokens: 20, seed: 2, n: 3 } as const;
    const whole = await client.chat.completions.create(options);
    const stream = await client.chat.completions.create({
      ...options,
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts = ['', '', ''];
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      expect(schemaErrors('chatChunk', chunk)).toBeUndefined();
      for (const { index, delta } of chunk.choices) texts[index] += delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(texts).toEqual(whole.choices.map(({ message }) => message.content));
    expect(usage).toMatchObject({ completion_tokens: whole.usage?.completion_tokens });
  });

  it('puts a stream together itself, with several choices and with calls of tools', async () => {
    const plain = await client.chat.completions
      .stream({ model: 'tiny', messages, max_tokens: 10, n: 2, seed: 3 })
      .finalChatCompletion();
    expect(plain.choices).toHaveLength(2);
    const calls = await client.chat.completions
      .stream({
        model: 'tiny',
        messages,
        max_tokens: 200,
        seed: 3,
        tools: [weather],
        tool_choice: 'required',
      })
      .finalChatCompletion();
    expect(calls.choices[0].finish_reason).toBe('tool_calls');
    for (const call of calls.choices[0].message.tool_calls ?? []) {
      expect(call).toMatchObject({ type: 'function', function: { name: 'weather' } });
      if (call.type === 'function')
        expect(['Oslo', 'Rome']).toContain(JSON.parse(call.function.arguments).town);
    }
  });

  it('runs a tool and asks again with its result', async () => {
    let seen: unknown;
    const runner = client.chat.completions.runTools(
      {
        model: 'tiny',
        messages,
        max_tokens: 200,
        seed: 4,
        tool_choice: { type: 'function', function: { name: 'weather' } },
        parallel_tool_calls: false,
        tools: [
          {
            type: 'function',
            function: {
              name: 'weather',
              description: 'Weather of a town',
              parameters: { ...weather.function.parameters },
              parse: (text: string) => JSON.parse(text) as object,
              function: (args: object): string => {
                seen = args;
                return 'rain';
              },
            },
          },
        ],
      },
      { maxChatCompletions: 2 },
    );
    await runner.done();
    expect(seen).toHaveProperty('town');
    expect(runner.messages.some(({ role }) => role === 'tool')).toBe(true);
  });

  it('gets JSON that keeps to a schema', async () => {
    const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] };
    const answer = await client.chat.completions.parse({
      model: 'tiny',
      messages,
      max_tokens: 50,
      seed: 5,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } },
    });
    expect(typeof (answer.choices[0].message.parsed as unknown as { ok: unknown }).ok).toBe('boolean');
  });

  it('gets plain completions with echo and log-probabilities, streamed as well', async () => {
    const options = {
      model: 'tiny',
      prompt: 'The bell',
      max_tokens: 5,
      echo: true,
      logprobs: 1,
      seed: 6,
    } as const;
    const whole = await client.completions.create(options);
    expect(schemaErrors('completion', whole)).toBeUndefined();
    expect(whole.choices[0].logprobs?.token_logprobs?.[0]).toBeNull();
    let text = '';
    for await (const chunk of await client.completions.create({ ...options, stream: true })) {
      expect(schemaErrors('completion', chunk)).toBeUndefined();
      text += chunk.choices[0]?.text ?? '';
    }
    expect(text).toBe(whole.choices[0].text);
  });

  it('gets responses, whole and streamed, with calls of tools and of a given form', async () => {
    const options = {
      model: 'tiny',
      input: 'The little lighthouse',
      max_output_tokens: 200,
      temperature: 0,
    } as const;
    const whole = await client.responses.create(options);
    expect(whole.output_text).not.toBe('');
    const streamed = await client.responses.stream(options).finalResponse();
    expect(streamed.output_text).toBe(whole.output_text);
    expect(streamed.usage).toEqual({
      ...whole.usage,
      input_tokens_details: streamed.usage?.input_tokens_details,
    });
    const tool = {
      type: 'function',
      name: 'weather',
      parameters: weather.function.parameters,
      strict: true,
    } as const;
    const called = await client.responses
      .stream({
        ...options,
        tools: [{ ...tool, parameters: { ...tool.parameters } }],
        tool_choice: 'required',
        parallel_tool_calls: false,
      })
      .finalResponse();
    const [call] = called.output;
    if (call.type !== 'function_call') throw new Error(`not a call: ${call.type}`);
    expect(['Oslo', 'Rome']).toContain(JSON.parse(call.arguments).town);
    const next = await client.responses.create({
      ...options,
      input: [
        { role: 'user', content: options.input },
        { type: 'function_call', call_id: call.call_id, name: call.name, arguments: call.arguments },
        { type: 'function_call_output', call_id: call.call_id, output: 'rain' },
      ],
    });
    expect(next.output[0].type).toBe('message');
    const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] };
    const shaped = await client.responses.create({
      ...options,
      text: { format: { type: 'json_schema', name: 'x', schema } },
    });
    expect(typeof JSON.parse(shaped.output_text).ok).toBe('boolean');
    await expect(
      client.responses.create({ ...options, previous_response_id: 'resp_1' }),
    ).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
    });
  });

  it('throws the errors it has classes for', async () => {
    const ask = (more: object, on = client): Promise<unknown> =>
      on.chat.completions.create({ model: 'tiny', messages, max_tokens: 1, ...more });
    await expect(ask({ temperature: 9 })).rejects.toMatchObject({
      status: 400,
      param: 'temperature',
      code: 'invalid_value',
      type: 'invalid_request_error',
    });
    await expect(ask({ model: 'none' })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const stranger = new OpenAI({ baseURL: tiny.baseURL, apiKey: 'wrong', maxRetries: 0 });
    await expect(ask({}, stranger)).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });

  it('frees everything when it aborts, streaming or not', async () => {
    const options = { model: 'tiny', messages, max_tokens: 4000, ignore_eos: true };
    const stream = await client.chat.completions.create({ ...options, stream: true });
    for await (const _ of stream) break;
    const controller = new AbortController();
    const whole = client.chat.completions.create(options, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(whole).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await expect.poll(idle, { timeout: 20_000 }).toBe(true);
  });
});
