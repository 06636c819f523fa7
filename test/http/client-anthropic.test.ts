/** Anthropic's client against a real socket. */
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTinyServer, type TinyServer } from './listening.ts';

let tiny: TinyServer;
beforeAll(async () => {
  tiny = await openTinyServer();
});
afterAll(() => tiny.close());

// The client adds /v1 to the address itself.
const client = (options: object = {}): Anthropic =>
  new Anthropic({ baseURL: tiny.server.url, apiKey: 'none', maxRetries: 0, ...options });
const idle = (): boolean => tiny.model.engine.loop.numRunning + tiny.model.engine.loop.numWaiting === 0;

const BODY = {
  model: 'tiny',
  max_tokens: 40,
  // No longer among the client's types, which leave out what its newest models do not take.
  temperature: 0,
  system: 'You are a helpful assistant.',
  messages: [{ role: 'user' as const, content: 'The little lighthouse' }],
};
const WEATHER: Anthropic.Tool = {
  name: 'weather',
  description: 'Weather of a town',
  input_schema: { type: 'object', properties: { town: { enum: ['Oslo', 'Rome'] } }, required: ['town'] },
};

describe('@anthropic-ai/sdk', () => {
  it('gets a message, and its tokens counted beforehand', async () => {
    const message = await client().messages.create(BODY);
    expect(message).toMatchObject({ type: 'message', role: 'assistant', model: 'tiny' });
    expect(message.content).toEqual([{ type: 'text', text: expect.stringMatching(/./) }]);
    const { max_tokens: _, temperature: __, ...counted } = BODY;
    const { input_tokens } = await client().messages.countTokens(counted);
    const { usage } = message;
    expect(input_tokens).toBe(usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
    expect(usage.output_tokens).toBeGreaterThan(0);
  });

  it('streams the same message, put together by the client and event by event', async () => {
    const whole = await client().messages.create(BODY);
    const stream = client().messages.stream(BODY);
    let text = '';
    stream.on('text', (piece) => {
      text += piece;
    });
    const streamed = await stream.finalMessage();
    const [block] = whole.content;
    expect(streamed.content).toEqual(whole.content);
    expect(text).toBe(block.type === 'text' && block.text);
    expect(streamed.stop_reason).toBe(whole.stop_reason);
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);

    const types = new Set<string>();
    for await (const event of await client().messages.create({ ...BODY, stream: true }))
      types.add(event.type);
    expect([...types]).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
  });

  it('calls a tool, streamed or not, and continues with its result', async () => {
    const body = {
      ...BODY,
      max_tokens: 200,
      tools: [WEATHER],
      tool_choice: { type: 'any' as const, disable_parallel_tool_use: true },
    };
    const whole = await client().messages.create(body);
    const streamed = await client().messages.stream(body).finalMessage();
    for (const { stop_reason, content } of [whole, streamed]) {
      expect(stop_reason).toBe('tool_use');
      expect(content).toEqual([
        {
          type: 'tool_use',
          id: expect.any(String),
          name: 'weather',
          input: { town: expect.stringMatching(/^(Oslo|Rome)$/) },
        },
      ]);
    }
    const call = whole.content[0] as Anthropic.ToolUseBlock;
    const answer = await client().messages.create({
      ...body,
      tool_choice: { type: 'none' },
      messages: [
        ...BODY.messages,
        { role: 'assistant', content: whole.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'rain' }] },
      ],
    });
    expect(answer.content[0].type).toBe('text');
  });

  it('ends at a stop sequence and says which', async () => {
    const [block] = (await client().messages.create(BODY)).content;
    const text = block.type === 'text' ? block.text : '';
    const stop = text.slice(3, 6);
    const message = await client().messages.create({ ...BODY, stop_sequences: [stop] });
    expect(message).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: stop });
  });

  it('reports errors as the client knows them', async () => {
    const failed = (more: object): Promise<unknown> =>
      client()
        .messages.create({ ...BODY, ...more })
        .then(
          () => 'no error',
          (error: unknown) => error,
        );
    const missing = await failed({ model: 'claude' });
    expect(missing).toBeInstanceOf(Anthropic.NotFoundError);
    expect(missing).toMatchObject({ status: 404, requestID: expect.any(String) });
    const wrong = await failed({ temperature: 9 });
    expect(wrong).toBeInstanceOf(Anthropic.BadRequestError);
    expect((wrong as Error).message).toContain('temperature');
    const long = await failed({ messages: [{ role: 'user', content: 'x'.repeat(9000) }] });
    expect(long).toMatchObject({ status: 400, error: { error: { type: 'invalid_request_error' } } });
  });

  it('needs the key of the server', async () => {
    const locked = await openTinyServer({ apiKeys: ['sesame'] });
    const ask = (apiKey: string): Promise<Anthropic.Message> =>
      client({ baseURL: locked.server.url, apiKey }).messages.create(BODY);
    try {
      await expect(ask('wrong')).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
      expect((await ask('sesame')).role).toBe('assistant');
    } finally {
      await locked.close();
    }
  });

  it('frees everything when it aborts', async () => {
    const controller = new AbortController();
    // Long for sure: when it aborts a stream whose last byte has come, the client itself waits forever.
    const story: Anthropic.Tool = {
      name: 'story',
      input_schema: {
        type: 'object',
        properties: { text: { type: 'string', minLength: 3000 } },
        required: ['text'],
      },
    };
    const stream = await client().messages.create(
      { ...BODY, max_tokens: 3500, tools: [story], tool_choice: { type: 'any' }, stream: true },
      { signal: controller.signal },
    );
    // The client ends the iteration without an error.
    for await (const { type } of stream) if (type === 'content_block_delta') controller.abort();
    await expect.poll(idle, { timeout: 20_000 }).toBe(true);
    expect(tiny.model.engine.loop.pool.numAvailable).toBe(tiny.model.engine.loop.pool.numPages);
  });

  it('lists models, and reads the error of what there is not', async () => {
    const list = await client().models.list();
    expect(list.data.map(({ id, type }) => [id, type])).toEqual([['tiny', 'model']]);
    expect((await client().models.retrieve('tiny')).display_name).toBe('tiny');
    await expect(client().messages.batches.list()).rejects.toMatchObject({
      status: 404,
      error: { type: 'error', error: { type: 'not_found_error' } },
    });
  });

  it('takes what a coding client sends: system messages and thoughts among the others, annotated tools, hints', async () => {
    const message = await client().messages.create({
      ...BODY,
      system: [{ type: 'text', text: 'You are a helpful assistant.', cache_control: { type: 'ephemeral' } }],
      messages: [
        ...BODY.messages,
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm.', signature: 'x' },
            { type: 'tool_use', id: 'a', name: 'weather', input: { town: 'Oslo' } },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 'a', content: 'rain', is_error: false }],
        },
        { role: 'system', content: 'Be brief.' },
      ],
      tools: [
        {
          ...WEATHER,
          input_schema: {
            type: 'object',
            properties: { n: { type: 'integer', format: 'uint32' } },
            $schema: 'x',
          },
        },
        { type: 'web_search_20250305', name: 'web_search' },
      ],
      thinking: { type: 'disabled' },
      metadata: { user_id: 'someone' },
      output_config: { effort: 'low' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    } as unknown as Anthropic.MessageCreateParamsNonStreaming);
    expect(message.type).toBe('message');
  });

  it('gets an answer in a given format', async () => {
    const schema = { type: 'object', properties: { town: { enum: ['Oslo', 'Rome'] } }, required: ['town'] };
    const { content } = await client().messages.create({
      ...BODY,
      max_tokens: 200,
      output_config: { format: { type: 'json_schema', schema } },
    } as Anthropic.MessageCreateParamsNonStreaming);
    const [block] = content;
    expect(['Oslo', 'Rome']).toContain(JSON.parse(block.type === 'text' ? block.text : '').town);
  });
});
