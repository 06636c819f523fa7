/** Requests that clients send and that were refused or half ignored: each has its meaning, or an error that says what to do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTinyApp, type TinyApp } from './tiny-app.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field.
type Json = any;

let tiny: TinyApp;
beforeAll(async () => {
  tiny = await openTinyApp();
});
afterAll(() => tiny.close());

const messages = [{ role: 'user', content: 'The little lighthouse' }];
const post = async (path: string, body: object): Promise<Json> => (await tiny.post(path, body)).json();
const chat = (more: object): Promise<Json> =>
  post('/v1/chat/completions', { messages, max_tokens: 60, seed: 1, ...more });
const respond = (more: object): Promise<Json> =>
  post('/v1/responses', { input: 'The little lighthouse', max_output_tokens: 60, seed: 1, ...more });
const message = (more: object): Promise<Json> => post('/v1/messages', { messages, max_tokens: 60, ...more });

const parameters = {
  type: 'object',
  properties: { town: { enum: ['Oslo', 'Rome'] }, sunny: { type: 'boolean' } },
  required: ['town', 'sunny'],
};
const weather = { type: 'function', function: { name: 'weather', parameters } };
const other = {
  type: 'function',
  function: { name: 'other', parameters: { type: 'object', properties: {} } },
};
const schema = {
  type: 'object',
  properties: { answer: { enum: ['<tool_call>', 'no'] } },
  required: ['answer'],
};
const format = { type: 'json_schema', json_schema: { name: 'x', schema } };

describe('tools and a response format together', () => {
  const isAnswer = (text: string): boolean => ['<tool_call>', 'no'].includes(JSON.parse(text).answer);
  const isCall = (args: string): boolean => ['Oslo', 'Rome'].includes(JSON.parse(args).town);

  it('chat: a call keeps to the schema of the tool, text to the format', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 24; seed++) {
      // Which of the two begins is up to the model; the bias makes both happen.
      const bias = seed % 2 ? await firstBias() : {};
      const { choices } = await chat({
        tools: [weather],
        response_format: format,
        seed,
        max_tokens: 200,
        temperature: 1.5,
        parallel_tool_calls: false,
        logit_bias: bias,
      });
      const [{ message: said, finish_reason }] = choices;
      if (finish_reason === 'length') continue;
      if (said.tool_calls) {
        seen.add('call');
        expect(said.content).toBeNull();
        expect(finish_reason).toBe('tool_calls');
        expect(isCall(said.tool_calls[0].function.arguments)).toBe(true);
      } else {
        seen.add('text');
        expect(finish_reason).toBe('stop');
        expect(isAnswer(said.content)).toBe(true);
      }
    }
    expect([...seen].sort()).toEqual(['call', 'text']);
  });

  /** Favours tokens that begin with "<". */
  const firstBias = async (): Promise<object> => {
    const { tokens } = await post('/tokenize', { content: '<' });
    return { [tokens[0]]: 100 };
  };

  it('with a required tool there is only the call, with none only the format', async () => {
    const both = { tools: [weather], response_format: format, max_tokens: 200, parallel_tool_calls: false };
    const called = await chat({ ...both, tool_choice: 'required' });
    expect(isCall(called.choices[0].message.tool_calls[0].function.arguments)).toBe(true);
    const said = await chat({ ...both, tool_choice: 'none' });
    expect(isAnswer(said.choices[0].message.content)).toBe(true);
  });

  it('responses and messages have both too', async () => {
    const text = { format: { type: 'json_schema', name: 'x', schema } };
    const answer = await respond({
      tools: [{ type: 'function', name: 'weather', parameters }],
      text,
      max_output_tokens: 200,
    });
    expect(answer.error).toBeNull();
    for (const item of answer.output)
      expect(item.type === 'message' ? isAnswer(item.content[0].text) : isCall(item.arguments)).toBe(true);
    const blocks = await message({
      tools: [{ name: 'weather', input_schema: parameters }],
      output_config: { format: { type: 'json_schema', schema }, effort: 'low' },
      max_tokens: 200,
    });
    for (const block of blocks.content)
      expect(block.type === 'text' ? isAnswer(block.text) : isCall(JSON.stringify(block.input))).toBe(true);
  });
});

describe('tool_choice allowed_tools', () => {
  it('calls none but the allowed tools, and shows all to the model', async () => {
    const tool_choice = {
      type: 'allowed_tools',
      allowed_tools: { mode: 'required', tools: [{ type: 'function', function: { name: 'other' } }] },
    };
    const both = { tools: [weather, other], max_tokens: 200, parallel_tool_calls: false };
    const free = await chat({ ...both, tool_choice: 'required' });
    for (let seed = 0; seed < 5; seed++) {
      const { choices, usage } = await chat({ ...both, tool_choice, seed });
      expect(choices[0].message.tool_calls[0].function.name).toBe('other');
      expect(usage.prompt_tokens).toBe(free.usage.prompt_tokens);
    }
    const answer = await respond({
      tools: [weather, other].map(({ function: tool }) => ({ type: 'function', ...tool })),
      tool_choice: {
        type: 'allowed_tools',
        mode: 'required',
        tools: [{ type: 'function', name: 'weather' }],
      },
      max_output_tokens: 200,
      parallel_tool_calls: false,
    });
    expect(answer.output[0]).toMatchObject({ type: 'function_call', name: 'weather' });
  });
});

describe('what has no effect is in the receipt', () => {
  const dots = { receipt: true };
  const annotated = {
    ...parameters,
    properties: { ...parameters.properties, n: { type: 'integer', format: 'uint32' } },
  };

  it('tools of other types, unknown fields, and formats, on all routes', async () => {
    const tools = [
      { type: 'web_search' },
      { ...weather, function: { ...weather.function, parameters: annotated } },
    ];
    const { dots: own } = await chat({ tools, dots, future_field: 1, max_tokens: 1 });
    expect(own.receipt.ignored).toEqual([
      'unknown field "future_field"',
      'tools[0]: type "web_search"',
      'tool "weather" #/properties/n: format "uint32"',
    ]);
    const response = await respond({
      tools: [
        { type: 'custom', name: 'x', format: { type: 'text' } },
        { type: 'function', name: 'f', parameters },
      ],
      dots,
      max_output_tokens: 3,
    });
    expect(response.dots.receipt).toMatchObject({ ignored: ['tools[0]: type "custom"'], seed: 1, stream: 0 });
    expect(response.dots.receipt.token_ids).toHaveLength(3);
    const blocks = await message({
      tools: [{ type: 'web_search_20250305', name: 'web_search' }],
      dots,
      max_tokens: 3,
    });
    expect(blocks.dots.receipt.ignored).toEqual(['tools[0]: type "web_search_20250305"']);
    const completion = await post('/v1/completions', {
      prompt: 'The bell',
      seed: 5,
      max_tokens: 3,
      dots,
      future: 1,
    });
    expect(completion.dots.receipt).toMatchObject({ seed: 5, ignored: ['unknown field "future"'] });
    expect(completion.dots.receipt.token_ids).toHaveLength(3);
  });

  it('is there at the end of a stream too', async () => {
    const text = await (
      await tiny.post('/v1/responses', { input: 'x', stream: true, max_output_tokens: 2, dots, seed: 3 })
    ).text();
    expect(text).toContain('"ignored":[]');
    const anthropic = await (
      await tiny.post('/v1/messages', { messages, stream: true, max_tokens: 2, dots })
    ).text();
    expect(anthropic).toContain('"ignored":[]');
  });
});

describe('other names for the same wish are errors that say the right one', () => {
  it.each([
    ['/v1/chat/completions', { messages, functions: [{ name: 'f' }] }, 'functions', 'use tools'],
    ['/v1/chat/completions', { messages, function_call: { name: 'f' } }, 'function_call', 'use tool_choice'],
    ['/v1/responses', { input: 'x', response_format: format }, 'response_format', 'use text.format'],
    ['/v1/responses', { input: 'x', max_tokens: 5 }, 'max_tokens', 'use max_output_tokens'],
    ['/v1/responses', { input: 'x', guided_json: {} }, 'guided_json', 'use text.format'],
    ['/v1/responses', { input: 'x', n: 2 }, 'n', 'send several requests'],
    ['/v1/completions', { prompt: 'x', tools: [weather] }, 'tools', 'use /v1/chat/completions'],
  ])('%s %j', async (path, body, param, advice) => {
    const { error } = await post(path, body);
    expect(error).toMatchObject({ param, code: 'unsupported_parameter' });
    expect(error.message).toContain(advice);
  });

  it('/v1/messages in its own shape', async () => {
    const response = await tiny.post('/v1/messages', { messages, max_tokens: 5, response_format: format });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringContaining('response_format') },
    });
  });
});

describe('/v1/responses', () => {
  it('include: log-probabilities make up the text, streamed or not', async () => {
    const more = {
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
      top_logprobs: 2,
    };
    const answer = await respond(more);
    const [part] = answer.output[0].content;
    expect(Buffer.from(part.logprobs.flatMap(({ bytes }: Json) => bytes)).toString()).toBe(part.text);
    expect(part.logprobs.every((entry: Json) => entry.top_logprobs.length === 2)).toBe(true);
    const text = await (
      await tiny.post('/v1/responses', {
        input: 'The little lighthouse',
        max_output_tokens: 60,
        seed: 1,
        stream: true,
        ...more,
      })
    ).text();
    const events = [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data) as Json);
    const deltas = events.filter(({ type }) => type === 'response.output_text.delta');
    expect(deltas.flatMap(({ logprobs }) => logprobs)).toEqual(part.logprobs);
    const plain = await respond({});
    expect(plain.output[0].content[0].logprobs).toEqual([]);
  });

  it('truncation auto leaves out the oldest messages, as few as possible, and disabled none', async () => {
    const small = await openTinyApp({}, { contextLength: 256 });
    const ask = async (more: object): Promise<Json> =>
      (await small.post('/v1/responses', { max_output_tokens: 4, dots: { receipt: true }, ...more })).json();
    const turns = Array.from({ length: 12 }, (_, i) => [
      { role: 'user', content: `Question number ${i}: what does the lamp do at night?` },
      { role: 'assistant', content: `Answer number ${i}.` },
    ]).flat();
    const input = [...turns, { role: 'user', content: 'And now?' }];
    const full = await ask({ input, instructions: 'Be brief.' });
    expect(full.error).toMatchObject({ code: 'context_length_exceeded' });
    const cut = await ask({ input, instructions: 'Be brief.', truncation: 'auto' });
    expect(cut).toMatchObject({ status: expect.any(String), truncation: 'auto', error: null });
    const [note] = cut.dots.receipt.ignored;
    const numDropped = Number(/its first (\d+) messages/.exec(note)?.[1]);
    expect(numDropped).toBeGreaterThan(0);
    expect(cut.dots.receipt.prompt_token_ids.length).toBeLessThan(256);
    // One turn more would have been too many.
    const more = await ask({ input: input.slice(numDropped - 2), instructions: 'Be brief.' });
    expect(more.error).toMatchObject({ code: 'context_length_exceeded' });
    await small.close();
  });
});

describe('values that mean something elsewhere', () => {
  it('top_p 0 keeps the most likely token', async () => {
    const greedy = await chat({ temperature: 0, max_tokens: 12 });
    for (const seed of [1, 2, 3]) {
      const answer = await chat({ top_p: 0, temperature: 1.5, seed, max_tokens: 12 });
      expect(answer.choices[0].message.content).toBe(greedy.choices[0].message.content);
    }
    expect((await message({ top_p: 0, max_tokens: 12 })).content).toEqual(
      (await message({ temperature: 0, max_tokens: 12 })).content,
    );
  });

  it('max_tokens −1 means unlimited, on every route', async () => {
    const numTokens = async (more: object): Promise<number> =>
      (await chat({ max_tokens: undefined, temperature: 0, ...more })).usage.completion_tokens;
    const unlimited = await numTokens({});
    expect(unlimited).toBeGreaterThan(16);
    for (const more of [{ max_tokens: -1 }, { n_predict: -1 }, { max_completion_tokens: -1, max_tokens: 3 }])
      expect(await numTokens(more)).toBe(unlimited);
    expect(await numTokens({ n_predict: 3 })).toBe(3);
    const completion = (max_tokens: number | null): Promise<Json> =>
      post('/v1/completions', { prompt: 'The little lighthouse', temperature: 0, max_tokens });
    expect((await completion(null)).usage.completion_tokens).toBeLessThanOrEqual(16);
    expect((await completion(-1)).usage.completion_tokens).toBeGreaterThan(16);
    expect((await chat({ max_tokens: -2 })).error.param).toBe('max_tokens');
  });

  it('seed −1 draws one at random', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => chat({ seed: -1, temperature: 1.5 })));
    expect(new Set(answers.map(({ dots }) => dots.seed)).size).toBe(4);
    expect(new Set(answers.map(({ choices }) => choices[0].message.content)).size).toBeGreaterThan(1);
    for (const { dots } of answers) expect(dots.seed).toBeGreaterThanOrEqual(0);
  });

  it('min_tokens above the limit is an error', async () => {
    expect((await chat({ min_tokens: 61 })).error).toMatchObject({ param: 'min_tokens' });
    expect((await chat({ min_tokens: 60 })).usage.completion_tokens).toBe(60);
    expect((await respond({ min_tokens: 61 })).error).toMatchObject({ param: 'min_tokens' });
    expect((await post('/v1/completions', { prompt: 'x', min_tokens: 17 })).error).toMatchObject({
      param: 'min_tokens',
    });
  });
});

describe('calls that are cut off', () => {
  const required = { tools: [weather], tool_choice: 'required', temperature: 1.2 };

  it('leave no part of their marker as content, with any limit, on three APIs, streamed or not', async () => {
    const check = (content: unknown, reason: unknown, cut: string): void => {
      expect(content ?? '').toBe('');
      expect(reason).toBe(cut);
    };
    for (let limit = 1; limit <= 50; limit += limit < 12 ? 1 : 7) {
      const seed = limit;
      const [{ message: said, finish_reason }] = (await chat({ ...required, seed, max_tokens: limit }))
        .choices;
      check(said.content, finish_reason, 'length');
      const streamed = await (
        await tiny.post('/v1/chat/completions', {
          messages,
          ...required,
          seed,
          max_tokens: limit,
          stream: true,
        })
      ).text();
      expect(streamed).not.toMatch(/"content":"[^"]/);
      const answer = await respond({
        tools: [{ type: 'function', ...weather.function }],
        tool_choice: 'required',
        seed,
        max_output_tokens: limit,
      });
      expect(answer.status).toBe('incomplete');
      for (const item of answer.output)
        if (item.type === 'message') check(item.content[0].text, 'length', 'length');
      const blocks = await message({
        tools: [{ name: 'weather', input_schema: parameters }],
        tool_choice: { type: 'any' },
        max_tokens: limit,
      });
      check(
        blocks.content
          .filter(({ type }: Json) => type === 'text')
          .map(({ text }: Json) => text)
          .join(''),
        blocks.stop_reason,
        'max_tokens',
      );
    }
  });

  it('a choice that names a function gives exactly one call of it, on both APIs', async () => {
    const { function: tool } = weather;
    // The line break that continues after a call with the next one.
    const { tokens } = await post('/tokenize', { content: '\n' });
    const limits = { logit_bias: { [tokens[0]]: 100 }, parallel_tool_calls: true };
    let numRequired = 0;
    for (let seed = 0; seed < 3; seed++) {
      const named = await chat({
        ...limits,
        seed,
        tools: [weather],
        tool_choice: { type: 'function', function: { name: 'weather' } },
        max_tokens: 400,
      });
      expect(named.choices[0].finish_reason).toBe('tool_calls');
      expect(named.choices[0].message.tool_calls).toHaveLength(1);
      const response = await respond({
        ...limits,
        seed,
        tools: [{ type: 'function', ...tool }],
        tool_choice: { type: 'function', name: 'weather' },
        max_output_tokens: 400,
      });
      expect(response.output.map(({ type }: Json) => type)).toEqual(['function_call']);
      const required = await chat({
        ...limits,
        seed,
        tools: [weather],
        tool_choice: 'required',
        max_tokens: 400,
      });
      numRequired = Math.max(numRequired, required.choices[0].message.tool_calls.length);
    }
    // The same model makes several where it may.
    expect(numRequired).toBeGreaterThan(1);
  });

  it('a stop string inside a call, or in its marker, does not end it', async () => {
    for (const stop of ['true', 'false', '"', 'tool', 'name', '{']) {
      const answer = await chat({ ...required, stop, max_tokens: 200, parallel_tool_calls: false });
      const [{ message: said, finish_reason }] = answer.choices;
      expect(finish_reason).toBe('tool_calls');
      expect(['Oslo', 'Rome']).toContain(JSON.parse(said.tool_calls[0].function.arguments).town);
    }
    const blocks = await message({
      tools: [{ name: 'weather', input_schema: parameters }],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      stop_sequences: ['true', 'false'],
      max_tokens: 200,
    });
    expect(blocks.stop_reason).toBe('tool_use');
    expect(typeof blocks.content[0].input.sunny).toBe('boolean');
  });

  it('a stop token inside a call ends it, and the reason is not tool_calls', async () => {
    const whole = await chat({
      ...required,
      max_tokens: 200,
      parallel_tool_calls: false,
      return_token_ids: true,
    });
    const ids: number[] = whole.choices[0].token_ids;
    const { prompt } = await post('/detokenize', { tokens: ids });
    const { tokens } = await post('/tokenize', { prompt, return_token_strs: true });
    const stop = ids[Math.floor(tokens.length * 0.8)];
    const cut = await chat({
      ...required,
      max_tokens: 200,
      parallel_tool_calls: false,
      stop_token_ids: [stop],
    });
    const [{ message: said, finish_reason }] = cut.choices;
    if (said.tool_calls === undefined) expect(said.content).toBe('');
    expect(finish_reason).toBe('stop');
  });

  it('stop strings still end the text before a call', async () => {
    const free = await chat({ temperature: 0, tools: [weather] });
    const { content } = free.choices[0].message;
    const stop = content.slice(5, 9);
    const cut = await chat({ temperature: 0, tools: [weather], stop });
    expect(cut.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: content.slice(0, content.indexOf(stop)) },
    });
  });
});

describe('/v1/messages', () => {
  it('reads system messages among the others, and leaves out thoughts', async () => {
    const tokens = async (list: object[]): Promise<number> =>
      (await post('/v1/messages/count_tokens', { messages: list })).input_tokens;
    const plain = [...messages, { role: 'assistant', content: 'Yes.' }, { role: 'user', content: 'And?' }];
    const thoughts = [
      messages[0],
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'Hm.', signature: 'x' },
          { type: 'redacted_thinking', data: 'y' },
          { type: 'text', text: 'Yes.' },
        ],
      },
      plain[2],
    ];
    expect(await tokens(thoughts)).toBe(await tokens(plain));
    const system = [...plain.slice(0, 2), { role: 'system', content: 'Be brief.' }, plain[2]];
    expect(await tokens(system)).toBeGreaterThan(await tokens(plain));
    expect((await message({ messages: system, max_tokens: 2 })).type).toBe('message');
  });

  it('continues a last message of the assistant', async () => {
    const free = await message({ temperature: 0 });
    const { text } = free.content[0];
    const begin = text.slice(0, 12);
    const prefilled = [...messages, { role: 'assistant', content: begin }];
    const { content } = await message({ messages: prefilled, temperature: 0 });
    const { prompt } = await post('/apply-template', {
      messages: prefilled,
      continue_final_message: true,
      add_generation_prompt: false,
    });
    expect(prompt.endsWith(begin)).toBe(true);
    expect(content[0].text.startsWith(begin)).toBe(false);
    const same = await post('/v1/completions', { prompt, temperature: 0, max_tokens: 60 });
    expect(content[0].text).toBe(same.choices[0].text);
    for (const more of [
      { output_config: { format: { type: 'json_schema', schema } } },
      {
        messages: [
          ...messages,
          { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
        ],
      },
    ])
      expect((await message({ messages: prefilled, ...more })).error.type).toBe('invalid_request_error');
  });

  it('a failed tool says so', async () => {
    const count = async (is_error: boolean): Promise<number> =>
      (
        await post('/v1/messages/count_tokens', {
          messages: [
            messages[0],
            { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
            { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'no', is_error }] },
          ],
        })
      ).input_tokens;
    expect(await count(true)).toBeGreaterThan(await count(false));
  });
});

describe('text_offset', () => {
  it('counts invalid bytes as the text has them', async () => {
    const byteTokens = async (bytes: number[]): Promise<number[]> => {
      const { engine } = tiny.model;
      const { tokenizer } = engine;
      if (!tokenizer) throw new Error('no tokenizer');
      return bytes.map((value) => {
        for (let id = 0; id < tokenizer.vocabSize; id++) {
          const own = tokenizer.decodeBytes(id);
          if (own.length === 1 && own[0] === value && !tokenizer.isControl(id)) return id;
        }
        throw new Error(`no token for byte ${value}`);
      });
    };
    for (const [bytes, offsets] of [
      [
        [0x80, 0x80, 0x80, 0x80],
        [0, 1, 2, 3],
      ],
      [
        [0xc3, 0xa9, 0x41],
        [0, 0, 1],
      ],
      [
        [0xe4, 0xbd, 0xa0, 0x41],
        [0, 0, 0, 1],
      ],
      [
        [0xe4, 0xbd, 0x41],
        [0, 0, 1],
      ],
      [
        [0xc3, 0xc3, 0xa9],
        [0, 1, 1],
      ],
      [
        [0xf0, 0x80, 0x41],
        [0, 1, 2],
      ],
      [
        [0xc0, 0x80],
        [0, 1],
      ],
      [
        [0xf0, 0x9f, 0x99, 0x82, 0xff],
        [0, 0, 0, 0, 1],
      ],
    ] as const) {
      const prompt = await byteTokens([...bytes]);
      const { choices } = await post('/v1/completions', { prompt, max_tokens: 0, echo: true, logprobs: 0 });
      const [{ text, logprobs }] = choices;
      expect([bytes, logprobs.text_offset]).toEqual([bytes, offsets]);
      expect(Array.from(text as string).length).toBe(offsets[offsets.length - 1] + 1);
    }
  });
});
