/** Valid requests of every kind, from which tests make mixtures and fuzzers make invalid ones. */
import fc from 'fast-check';

const weather = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'Weather of a town',
    parameters: {
      type: 'object',
      properties: { town: { enum: ['Oslo', 'Rome'] }, days: { type: 'integer', minimum: 1, maximum: 9 } },
      required: ['town', 'days'],
    },
  },
};

const person = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 9 }, old: { type: 'boolean' } },
  required: ['name', 'old'],
};

export interface TestRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const messages = [
  { role: 'system', content: 'You are a helpful assistant.' },
  { role: 'user', content: 'The little lighthouse' },
];

export const VALID_REQUESTS: readonly TestRequest[] = [
  { path: '/v1/chat/completions', body: { messages, max_tokens: 8, seed: 1 } },
  {
    path: '/v1/chat/completions',
    body: {
      model: 'tiny',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Every ' },
            { type: 'text', text: 'evening' },
          ],
        },
      ],
      max_completion_tokens: 6,
      temperature: 0.7,
      top_p: 0.9,
      top_k: 20,
      min_p: 0.01,
      presence_penalty: 0.5,
      frequency_penalty: 0.25,
      repetition_penalty: 1.1,
      logit_bias: { '5': 1.5, '7': -100 },
      seed: 77,
      stop: ['lamp', '\n'],
      n: 2,
      user: 'someone',
      metadata: { a: 'b' },
    },
  },
  {
    path: '/v1/chat/completions',
    body: {
      messages,
      max_tokens: 5,
      stream: true,
      stream_options: { include_usage: true },
      logprobs: true,
      top_logprobs: 4,
      seed: 3,
      priority: -1,
      chat_template_kwargs: { enable_thinking: false, level: 2, style: 'plain' },
      dots: { routing: true },
    },
  },
  {
    path: '/v1/chat/completions',
    body: {
      messages,
      max_tokens: 60,
      tools: [weather],
      tool_choice: 'auto',
      parallel_tool_calls: false,
      seed: 4,
    },
  },
  {
    path: '/v1/chat/completions',
    body: {
      messages: [
        ...messages,
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: 'call_1',
              type: 'function',
              function: { name: 'weather', arguments: '{"town":"Oslo","days":1}' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
      ],
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      max_tokens: 12,
      seed: 5,
      stream: true,
    },
  },
  {
    path: '/v1/chat/completions',
    body: {
      messages,
      max_tokens: 40,
      seed: 6,
      response_format: { type: 'json_schema', json_schema: { name: 'person', schema: person, strict: true } },
    },
  },
  {
    path: '/v1/chat/completions',
    body: {
      messages,
      max_tokens: 10,
      seed: 7,
      structured_outputs: { regex: '[a-z]{2,4}' },
      return_token_ids: true,
    },
  },
  {
    path: '/v1/completions',
    body: { prompt: 'The bell', max_tokens: 6, logprobs: 2, echo: true, seed: 8, temperature: 0 },
  },
  {
    path: '/v1/completions',
    body: {
      prompt: [
        [1, 2, 3],
        [4, 5],
      ],
      max_tokens: 2,
      n: 2,
      seed: 9,
      stream: true,
    },
  },
  {
    path: '/v1/responses',
    body: {
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'The bell' }] },
        { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"town":"Oslo","days":1}' },
        { type: 'function_call_output', call_id: 'call_1', output: 'rain' },
      ],
      instructions: 'Be brief.',
      tools: [{ type: 'function', name: 'weather', parameters: weather.function.parameters }],
      tool_choice: 'auto',
      max_output_tokens: 8,
      stream: true,
    },
  },
  {
    path: '/v1/messages',
    body: {
      max_tokens: 8,
      system: [{ type: 'text', text: 'Be brief.' }],
      messages: [
        { role: 'user', content: 'The bell' },
        {
          role: 'assistant',
          content: [{ type: 'tool_use', id: 'call_1', name: 'weather', input: { town: 'Oslo' } }],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1', content: 'rain' }] },
      ],
      tools: [{ name: 'weather', input_schema: weather.function.parameters }],
      stop_sequences: ['lamp'],
      stream: true,
    },
  },
  {
    path: '/v1/chat/completions',
    body: {
      messages,
      max_tokens: 30,
      seed: -1,
      top_p: 0,
      tools: [weather, { type: 'custom', custom: { name: 'x' } }],
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'weather' } }] },
      },
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'x',
          schema: {
            type: 'object',
            properties: {
              a: { type: 'integer', multipleOf: 5, format: 'int64' },
              b: { type: 'array', items: { enum: [1, 2] }, uniqueItems: true },
              c: { type: 'string', pattern: '^\\p{L}+$', maxLength: 9 },
              d: { not: { type: 'string' }, nullable: true },
            },
            patternProperties: { '^x': { $ref: '#a' } },
            propertyNames: { maxLength: 4 },
            maxProperties: 3,
            $defs: { a: { $anchor: 'a', type: 'null' } },
          },
        },
      },
      dots: { receipt: true },
    },
  },
  {
    path: '/v1/responses',
    body: {
      input: [{ role: 'user', content: 'The bell' }],
      include: ['message.output_text.logprobs'],
      top_logprobs: 2,
      truncation: 'auto',
      tools: [{ type: 'web_search' }],
      text: { format: { type: 'json_object' } },
      max_output_tokens: 6,
      dots: { receipt: true },
    },
  },
  {
    path: '/v1/messages',
    body: {
      max_tokens: 6,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'The bell' },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'x' },
            { type: 'text', text: 'It' },
          ],
        },
      ],
      thinking: { type: 'enabled', budget_tokens: 1024 },
      dots: { receipt: true },
    },
  },
  { path: '/tokenize', body: { content: 'Hello', add_special: true, with_pieces: true } },
  { path: '/tokenize', body: { messages, return_token_strs: true } },
  { path: '/detokenize', body: { tokens: [1, 2, 3] } },
  { path: '/apply-template', body: { messages } },
];

const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1e308,
    -0,
    2 ** 53,
    1.5,
    '',
    'x',
    [],
    {},
    [[]],
    '\ud800',
    '<|endofuserprompt|>',
    '\u0000',
    { type: 'object' },
    { __proto__: null, constructor: 1 },
    { $ref: '#' },
    Array(3).fill({ role: 'user', content: 'a' }),
  ),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>,
  fc.string({ maxLength: 40 }),
  fc.integer(),
  fc.double(),
);

/** A request with a few of its values replaced, taken away, doubled, or added. */
export const mutatedRequest: fc.Arbitrary<TestRequest> = fc
  .record({
    request: fc.constantFrom(...VALID_REQUESTS),
    other: fc.constantFrom(...VALID_REQUESTS),
    edits: fc.array(
      fc.record({
        where: fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
        kind: fc.constantFrom('replace', 'delete', 'add', 'borrow', 'wrap'),
        value: oddValue,
        key: fc.oneof(
          fc.string({ maxLength: 10 }),
          fc.constantFrom('__proto__', 'messages', 'n', 'seed', 'type'),
        ),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })
  .map(({ request, other, edits }) => {
    const body = structuredClone(request.body) as Record<string, unknown>;
    for (const { where, kind, value, key } of edits) {
      let at: Record<string, unknown> = body;
      let name = '';
      for (const step of where) {
        const names = Object.keys(at);
        if (names.length === 0) break;
        name = names[step % names.length];
        const next = at[name];
        // The last step chooses what is edited; those before it lead there.
        if (typeof next !== 'object' || next === null || step === where.at(-1)) break;
        at = next as Record<string, unknown>;
      }
      // Copies: edits may continue within what an earlier one put in.
      const put = structuredClone(value);
      if (kind === 'replace') at[name] = put;
      else if (kind === 'delete') delete at[name];
      else if (kind === 'add') at[key] = put;
      else if (kind === 'wrap') at[name] = [at[name]];
      else Object.assign(body, structuredClone(other.body));
    }
    return { path: request.path, body };
  });
