import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { open } from '../../src/engine/model.ts';
import type { OpenOptions } from '../../src/engine/open.ts';
import { createApp } from '../../src/server/app.ts';
import { editedGguf } from '../cli/edited-gguf.ts';
import { openTinyApp, readEvents, type TinyApp } from './tiny-app.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field.
type Json = any;

let tiny: TinyApp;
beforeAll(async () => {
  tiny = await openTinyApp();
});
afterAll(() => tiny.close());

const messages = [{ role: 'user', content: 'The little lighthouse' }];

const chat = async (more: object): Promise<Json> =>
  (await tiny.post('/v1/chat/completions', { messages, max_tokens: 60, seed: 1, ...more })).json();

const chunks = async (more: object): Promise<Json[]> =>
  (
    await readEvents(
      await tiny.post('/v1/chat/completions', { messages, max_tokens: 60, seed: 1, stream: true, ...more }),
    )
  ).slice(0, -1) as Json[];

const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'Weather of a town',
    parameters: {
      type: 'object',
      properties: { town: { enum: ['Oslo', 'Rome'] }, days: { type: 'integer', minimum: 1, maximum: 9 } },
      required: ['town', 'days'],
      additionalProperties: false,
    },
  },
};

describe('log-probabilities', () => {
  it('have bytes that make up the content, streamed or not', async () => {
    const answer = await chat({ logprobs: true, top_logprobs: 3, stop: ['bay'] });
    const { content } = answer.choices[0].message;
    const entries = answer.choices[0].logprobs.content;
    expect(Buffer.from(entries.flatMap((entry: Json) => entry.bytes)).toString()).toBe(content);
    expect(entries.every((entry: Json) => entry.top_logprobs.length === 3)).toBe(true);
    const streamed = await chunks({ logprobs: true, top_logprobs: 3, stop: ['bay'] });
    expect(streamed.flatMap((chunk) => chunk.choices[0].logprobs?.content ?? [])).toEqual(entries);
    expect(streamed.map((chunk) => chunk.choices[0].delta.content ?? '').join('')).toBe(content);
  });

  it('are null unless requested', async () => {
    expect((await chat({})).choices[0].logprobs).toBeNull();
  });

  it('of a prompt are what an evaluation harness sums up', async () => {
    const answer: Json = await (
      await tiny.post('/v1/completions', {
        prompt: [
          [1, 2, 3],
          [4, 5],
        ],
        max_tokens: 1,
        temperature: 0,
        logprobs: 1,
        echo: true,
        seed: 1234,
      })
    ).json();
    expect(answer.choices.map((choice: Json) => choice.index)).toEqual([0, 1]);
    for (const { logprobs, text } of answer.choices) {
      expect(logprobs.token_logprobs[0]).toBeNull();
      expect(logprobs.top_logprobs[0]).toBeNull();
      for (let i = 1; i < logprobs.tokens.length; i++)
        expect(logprobs.top_logprobs[i][logprobs.tokens[i]]).toBe(logprobs.token_logprobs[i]);
      const last = logprobs.tokens.length - 1;
      expect(logprobs.token_logprobs[last]).toBe(
        Math.max(...(Object.values(logprobs.top_logprobs[last]) as number[])),
      );
      expect(logprobs.text_offset[0]).toBe(0);
      expect(text.length).toBeGreaterThan(0);
    }
  });

  it('offsets of a completion point at the tokens in the returned text', async () => {
    const answer: Json = await (
      await tiny.post('/v1/completions', {
        prompt: 'The bell',
        max_tokens: 8,
        temperature: 0,
        logprobs: 0,
        echo: true,
      })
    ).json();
    const { text, logprobs } = answer.choices[0];
    logprobs.tokens.forEach((token: string, i: number) => {
      expect(text.slice(logprobs.text_offset[i], logprobs.text_offset[i] + token.length)).toBe(token);
    });
  });
});

describe('several answers', () => {
  it('each have their index, their own stream of the seed, and one finishing chunk', async () => {
    const whole = await chat({ n: 3, temperature: 1.5 });
    expect(whole.choices.map((choice: Json) => choice.index)).toEqual([0, 1, 2]);
    const streamed = await chunks({ n: 3, temperature: 1.5 });
    for (const index of [0, 1, 2]) {
      const own = streamed.map((chunk) => chunk.choices[0]).filter((choice) => choice.index === index);
      expect(own[0].delta).toEqual({ role: 'assistant', content: '' });
      expect(own.filter((choice) => choice.finish_reason !== null)).toHaveLength(1);
      expect(own.at(-1).finish_reason).not.toBeNull();
      expect(own.map((choice) => choice.delta.content ?? '').join('')).toBe(
        whole.choices[index].message.content,
      );
    }
    const alone = await chat({ temperature: 1.5 });
    expect(alone.choices[0].message.content).toBe(whole.choices[0].message.content);
  });

  it('of several prompts come in the order p·n + i', async () => {
    const answer: Json = await (
      await tiny.post('/v1/completions', { prompt: ['The', 'Every'], n: 2, max_tokens: 2, temperature: 0 })
    ).json();
    const texts = answer.choices.map((choice: Json) => choice.text);
    expect(answer.choices.map((choice: Json) => choice.index)).toEqual([0, 1, 2, 3]);
    expect(texts[0]).toBe(texts[1]);
    expect(texts[2]).toBe(texts[3]);
    expect(texts[0]).not.toBe(texts[2]);
  });
});

const allowed = (mode: string, ...names: string[]): object => ({
  type: 'allowed_tools',
  allowed_tools: { mode, tools: names.map((name) => ({ type: 'function', function: { name } })) },
});

describe('tools', () => {
  it('a required call has arguments that parse and match, and says so in the reason', async () => {
    const answer = await chat({
      tools: [weather],
      tool_choice: 'required',
      max_tokens: 200,
      parallel_tool_calls: false,
    });
    const { message, finish_reason } = answer.choices[0];
    expect(finish_reason).toBe('tool_calls');
    expect(message.content).toBeNull();
    expect(message.tool_calls).toHaveLength(1);
    expect(message.tool_calls[0]).toMatchObject({ type: 'function', function: { name: 'weather' } });
    expect(message.tool_calls[0].id).toMatch(/^call_\w{24}$/);
    const args = JSON.parse(message.tool_calls[0].function.arguments);
    expect(['Oslo', 'Rome']).toContain(args.town);
    expect(args.days).toBeGreaterThan(0);
  });

  it('a streamed call begins with index, id, type and name, and continues with pieces of its arguments', async () => {
    const options = {
      tools: [weather],
      tool_choice: 'required',
      max_tokens: 200,
      parallel_tool_calls: false,
    };
    const whole = await chat(options);
    const streamed = await chunks(options);
    const deltas = streamed.flatMap((chunk) => chunk.choices[0].delta.tool_calls ?? []);
    expect(deltas[0]).toMatchObject({
      index: 0,
      type: 'function',
      function: { name: 'weather', arguments: '' },
    });
    expect(deltas.slice(1).every((delta) => !('id' in delta) && delta.index === 0)).toBe(true);
    expect(deltas.map((delta) => delta.function.arguments).join('')).toBe(
      whole.choices[0].message.tool_calls[0].function.arguments,
    );
    expect(streamed.at(-1).choices[0]).toMatchObject({ delta: {}, finish_reason: 'tool_calls' });
  });

  it('without calls there is no key for them', async () => {
    const answer = await chat({ tools: [weather], tool_choice: 'none' });
    expect('tool_calls' in answer.choices[0].message).toBe(false);
    expect(answer.choices[0].finish_reason).not.toBe('tool_calls');
  });

  it('a call that comes back as JSON with other white space is shown to the model as it wrote it', async () => {
    const options = {
      tools: [weather],
      tool_choice: 'required',
      max_tokens: 200,
      parallel_tool_calls: false,
    };
    const first = await chat(options);
    const [call] = first.choices[0].message.tool_calls;
    const text = JSON.stringify(JSON.parse(call.function.arguments), null, 3);
    const again = [
      ...messages,
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ ...call, function: { ...call.function, arguments: text } }],
      },
      { role: 'tool', tool_call_id: call.id, content: 'rain' },
    ];
    const { prompt }: Json = await (
      await tiny.post('/apply-template', { messages: again, tools: [weather] })
    ).json();
    expect(prompt).toContain(call.function.arguments);
    const second = await chat({ ...options, messages: again, tool_choice: 'none', max_tokens: 5 });
    expect(second.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(first.usage.prompt_tokens - 65);
  });

  it.each([
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tools: [{ type: 'web_search' }], tool_choice: 'required' }, 'tool_choice'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function'],
    [{ tools: [{ type: 'function', function: { description: 'x' } }] }, 'tools[0].function.name'],
    [{ tools: [weather], tool_choice: { type: 'custom', custom: { name: 'weather' } } }, 'tool_choice.type'],
    [{ tools: [weather], tool_choice: allowed('required', 'no') }, 'tools'],
    [{ tools: [weather], tool_choice: allowed('required') }, 'tool_choice'],
    [{ tools: [weather], tool_choice: { type: 'function', function: { name: 'no' } } }, 'tools'],
    [
      { tools: [weather], response_format: { type: 'json_object', schema: { unevaluatedItems: false } } },
      'response_format.schema',
    ],
    [
      {
        tools: [
          {
            type: 'function',
            function: { name: 'x', parameters: { type: 'object', unevaluatedItems: false } },
          },
        ],
      },
      'tools',
    ],
  ])('refuses %j before any token', async (more, param) => {
    const answer = await chat(more);
    expect(answer.error).toMatchObject({ type: 'invalid_request_error', param });
  });
});

describe('answers of a given form', () => {
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 12 },
      age: { type: 'integer', minimum: 0, maximum: 120 },
    },
    required: ['name', 'age'],
    additionalProperties: false,
  };

  it.each([
    { response_format: { type: 'json_schema', json_schema: { name: 'person', schema, strict: true } } },
    { response_format: { type: 'json_schema', schema } },
    { response_format: { type: 'json_object', schema } },
    { structured_outputs: { json: schema } },
    { guided_json: JSON.stringify(schema) },
  ])('keep to a schema: %j', async (more) => {
    const answer = await chat({ ...more, max_tokens: 300 });
    expect(answer.choices[0].finish_reason).toBe('stop');
    const value = JSON.parse(answer.choices[0].message.content);
    expect(typeof value.name).toBe('string');
    expect(Number.isInteger(value.age)).toBe(true);
  });

  it('the schema {"const": "42"} gives "42"', async () => {
    const answer = await chat({
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { const: '42' } } },
    });
    expect(answer.choices[0].message.content).toBe('"42"');
  });

  it('match a regex or one of several choices', async () => {
    const regex = await chat({ structured_outputs: { regex: '[a-c]{3}-\\d{2}' } });
    expect(regex.choices[0].message.content).toMatch(/^[a-c]{3}-\d{2}$/);
    const choice = await chat({ structured_outputs: { choice: ['yes', 'no'] } });
    expect(['yes', 'no']).toContain(choice.choices[0].message.content);
    const grammar = await chat({ grammar: 'root ::= [ab]{2} ("!" | "?")' });
    expect(grammar.choices[0].message.content).toMatch(/^[ab]{2}[!?]$/);
  });

  it.each([
    [{ response_format: { type: 'sound' } }, 'response_format.type', 'invalid_value'],
    [
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'x', schema: { type: 'object', unevaluatedItems: false } },
        },
      },
      'response_format.json_schema.schema',
      'unsupported_schema',
    ],
    [{ structured_outputs: { regex: '(' } }, 'structured_outputs.regex', 'unsupported_pattern'],
    [{ grammar: 'root ::= root "x"' }, 'grammar', 'bad_grammar'],
    [{ structured_outputs: { regex: 'a', choice: ['b'] } }, 'structured_outputs.choice', 'invalid_value'],
  ])('refuse %j before any token', async (more, param, code) => {
    const answer = await chat(more);
    expect(answer.error).toMatchObject({ type: 'invalid_request_error', param, code });
  });
});

describe('sampling fields', () => {
  it('logit_bias of 100 decides, of -100 forbids', async () => {
    const free = await chat({ temperature: 0, max_tokens: 1, return_token_ids: true });
    const [token] = free.choices[0].token_ids;
    const forbidden = await chat({
      temperature: 0,
      max_tokens: 1,
      return_token_ids: true,
      logit_bias: { [token]: -100 },
    });
    expect(forbidden.choices[0].token_ids[0]).not.toBe(token);
    const forced = await chat({
      temperature: 1,
      max_tokens: 3,
      return_token_ids: true,
      logit_bias: { 7: 100 },
    });
    expect(forced.choices[0].token_ids).toEqual([7, 7, 7]);
  });

  it('a stop string is not part of the text unless requested', async () => {
    const free = await chat({ temperature: 0 });
    const stop = free.choices[0].message.content.slice(5, 9);
    const cut = await chat({ temperature: 0, stop: [stop] });
    expect(cut.choices[0]).toMatchObject({ finish_reason: 'stop' });
    expect(cut.choices[0].message.content).toBe(free.choices[0].message.content.slice(0, 5));
    const kept = await chat({ temperature: 0, stop, include_stop_str_in_output: true });
    expect(kept.choices[0].message.content).toBe(free.choices[0].message.content.slice(0, 9));
  });

  it('null means absent, everywhere', async () => {
    const fields = [
      'temperature',
      'top_p',
      'n',
      'stop',
      'seed',
      'tools',
      'tool_choice',
      'response_format',
      'logprobs',
    ];
    const more = [
      'stream',
      'stream_options',
      'max_completion_tokens',
      'logit_bias',
      'user',
      'dots',
      'presence_penalty',
    ];
    const nulls = Object.fromEntries([...fields, ...more].map((field) => [field, null]));
    expect((await chat({ ...nulls, tools: [], max_tokens: 2 })).choices).toHaveLength(1);
  });

  it('chat_template_kwargs reach the template, and what could forge a turn is refused', async () => {
    const plain = await chat({ max_tokens: 2, return_token_ids: true });
    const more = await chat({
      max_tokens: 2,
      return_token_ids: true,
      chat_template_kwargs: { thinking: false, level: 3 },
    });
    // This template asks for nothing.
    expect(more.prompt_token_ids).toEqual(plain.prompt_token_ids);
    const forged = await chat({ chat_template_kwargs: { style: '<|response|>' } });
    expect(forged.error.type).toBe('invalid_request_error');
  });

  it('max_completion_tokens wins over max_tokens', async () => {
    const answer = await chat({ max_tokens: 50, max_completion_tokens: 2, ignore_eos: true });
    expect(answer.usage.completion_tokens).toBe(2);
    expect(answer.choices[0].finish_reason).toBe('length');
  });
});

describe('system_fingerprint', () => {
  it('differs where bytes of a weight or the type of the cache do, and for nothing that leaves the tokens alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dots-fingerprint-'));
    const of = async (path: string, options: OpenOptions = {}): Promise<string> => {
      const model = await open(path, { threads: 1, ...options });
      const response = await createApp(model).fetch(new Request('http://localhost/props'));
      await model.close();
      return ((await response.json()) as Json).system_fingerprint;
    };
    const same = await editedGguf(join(folder, 'a.gguf'), {});
    // The last byte of the last tensor.
    const bytes = readFileSync(same);
    bytes[bytes.length - 1] ^= 1;
    const other = join(folder, 'b.gguf');
    writeFileSync(other, bytes);
    const first = await of(same);
    expect(first).toMatch(/^dots-[0-9a-f]{16}$/);
    expect(await of(same, { threads: 2, maxParallel: 4 })).toBe(first);
    expect(new Set([first, await of(other), await of(same, { kvType: 'q8_0' })]).size).toBe(3);
    rmSync(folder, { recursive: true });
  });
});

describe('/props', () => {
  it('says in which types the weights are, and what the memory holds', async () => {
    const props: Json = await (await tiny.get('/props')).json();
    const bytes = Object.values(props.weight_bytes as Record<string, number>).reduce((a, b) => a + b, 0);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(props.memory.weights);
    expect(props.memory.kv_capacity).toBeGreaterThanOrEqual(props.memory.kv + props.memory.prefix_cache);
    expect(props.kv_type).toBe('f16');
  });
});

describe('dots.routing', () => {
  it('reports the experts of every token of every chunk', async () => {
    const streamed = await chunks({
      dots: { routing: true },
      max_tokens: 10,
      ignore_eos: true,
      return_token_ids: true,
    });
    const props: Json = await (await tiny.get('/props')).json();
    const perToken = props.expert_layers.length * props.num_experts_per_token;
    let next = 0;
    for (const { dots } of streamed.filter((chunk) => chunk.dots?.routing)) {
      expect(dots.routing.first).toBe(next);
      const ids = Buffer.from(dots.routing.ids, 'base64');
      expect(ids.every((id) => id < props.num_experts)).toBe(true);
      next += ids.length / perToken;
    }
    expect(next).toBe(10);
    const counts: Json = await (await tiny.get('/dots/experts')).json();
    expect(counts.tokens).toBeGreaterThanOrEqual(10);
  });

  it('a receipt replays the answer', async () => {
    const answer = await chat({ dots: { receipt: true }, temperature: 1, max_tokens: 8 });
    const { receipt } = answer.dots;
    expect(receipt.fingerprint).toBe(answer.system_fingerprint);
    const again = await chat({ temperature: 1, max_tokens: 8, seed: receipt.seed, return_token_ids: true });
    expect(again.prompt_token_ids).toEqual(receipt.prompt_token_ids);
    expect(again.choices[0].token_ids).toEqual(receipt.token_ids);
  });
});
