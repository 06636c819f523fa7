/** What requests may hold, by the declarations: they check requests, and they are the tables in docs/serving.md. */
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { messagesRequest } from '../../src/server/anthropic/messages-request.ts';
import { ApiError } from '../../src/server/api-error.ts';
import { chatRequest } from '../../src/server/openai/chat-request.ts';
import { completionRequest } from '../../src/server/openai/completion-request.ts';
import { embeddingsRequest } from '../../src/server/openai/embeddings-request.ts';
import { responsesRequest } from '../../src/server/openai/responses-request.ts';
import {
  FIELD_FACTS,
  type FieldFacts,
  parseRequest,
  unknownFields,
} from '../../src/server/openai/validate.ts';
import { docTable } from '../fixtures/doc-table.ts';

const user = [{ role: 'user', content: 'x' }];
const ROUTES: readonly [letter: string, schema: z.ZodObject, body: Record<string, unknown>][] = [
  ['C', chatRequest, { messages: user }],
  ['T', completionRequest, { prompt: 'x' }],
  ['R', responsesRequest, { input: 'x' }],
  ['E', embeddingsRequest, { input: 'x' }],
  ['M', messagesRequest, { messages: user, max_tokens: 1 }],
];

interface Declared extends FieldFacts {
  readonly letter: string;
  readonly name: string;
  readonly schema: z.ZodObject;
  readonly body: Record<string, unknown>;
}

const DECLARED: readonly Declared[] = ROUTES.flatMap(([letter, schema, body]) =>
  Object.entries(schema.shape).map(([name, type]) => {
    const facts = FIELD_FACTS.get(type as z.ZodType);
    if (!facts) throw new Error(`${letter}: ${name} is not declared`);
    return { letter, name, schema, body, ...facts };
  }),
);

const thrownBy = (run: () => unknown): ApiError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('docs/serving.md', () => {
  /** Fields with the same note share a row. */
  const rows = (use: FieldFacts['use']): string[][] => {
    const byNote = new Map<string, { names: Set<string>; letters: Set<string> }>();
    for (const { name, letter, note } of DECLARED.filter((one) => one.use === use && !one.isForeign)) {
      const row = byNote.get(note) ?? { names: new Set(), letters: new Set() };
      byNote.set(note, row);
      row.names.add(name);
      row.letters.add(letter);
    }
    return [...byNote].map(([note, { names, letters }]) => [
      [...names].map((name) => `\`${name}\``).join(', '),
      [...letters].join(' '),
      note,
    ]);
  };

  it.each([
    ['fields', 'supported', 'Meaning'],
    ['ignored-fields', 'ignored', 'Reason'],
    ['refused-fields', 'refused', 'Instead'],
  ] as const)(
    'has every field of requests in its table "%s" (DOTS_WRITE_DOCS=1 writes it)',
    (name, use, head) => {
      const { is, should } = docTable('docs/serving.md', name, [['Field', 'Routes', head], ...rows(use)]);
      expect(is).toBe(should);
    },
  );
});

const label = ({ letter, name }: Declared): string => `${letter} ${name}`;
const declared = (use: FieldFacts['use']) =>
  DECLARED.filter((one) => one.use === use).map((one) => [label(one), one] as const);

describe('a field', () => {
  it.each(declared('refused'))('%s is refused by name and with advice, but null is absent', (_, field) => {
    const { name, schema, body, note } = field;
    const { details, message } = thrownBy(() => parseRequest(schema, { ...body, [name]: { a: 1 } }, false));
    expect(details).toMatchObject({ status: 400, param: name, code: 'unsupported_parameter' });
    expect(message).toBe(`${name}: is not supported; ${note}`);
    parseRequest(schema, { ...body, [name]: null }, true);
  });

  it.each(declared('ignored'))(
    '%s is ignored with any value, with --strict too',
    (_, { name, schema, body }) => {
      for (const value of [null, 1, 'x', [], { a: 1 }]) {
        const request = { ...body, [name]: value };
        parseRequest(schema, request, true);
        expect(unknownFields(schema, request)).toEqual([]);
      }
    },
  );

  it.each([
    [
      'C',
      { mirostat: 0, typical_p: 1, modalities: ['text'], best_of: 1, functions: [], function_call: 'none' },
    ],
    [
      'C',
      { use_beam_search: false, xtc_probability: 0, n_probs: 0, skip_special_tokens: true, documents: [] },
    ],
    ['T', { suffix: '', add_special_tokens: true, truncate_prompt_tokens: -1 }],
    ['E', { truncate_prompt_tokens: -1, temperature: null }],
    ['R', { background: false, n: 1, response_format: { type: 'text' } }],
    [
      'M',
      { mcp_servers: [], context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] } },
    ],
  ])('%s that asks for nothing is accepted: %j', (letter, more) => {
    const [, schema, body] = ROUTES.find(([one]) => one === letter) as (typeof ROUTES)[number];
    parseRequest(schema, { ...body, ...more }, true);
  });
});

describe('--strict', () => {
  it.each([
    ['C', { extra: 1 }, 'extra'],
    [
      'C',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'x', extra: 1 }] }] },
      'messages[0].content[0].extra',
    ],
    [
      'C',
      {
        messages: [
          {
            role: 'assistant',
            tool_calls: [{ id: 'a', type: 'function', function: { name: 'a', arguments: '{}', extra: 1 } }],
          },
        ],
      },
      'messages[0].tool_calls[0].function.extra',
    ],
    ['C', { stream_options: { extra: 1 } }, 'stream_options.extra'],
    ['C', { tools: [{ type: 'function', function: { name: 'a', extra: 1 } }] }, 'tools[0].function.extra'],
    [
      'C',
      { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {}, extra: 1 } } },
      'response_format.json_schema.extra',
    ],
    ['T', { dots: { extra: 1 } }, 'dots.extra'],
    ['R', { input: [{ role: 'user', content: 'x', extra: 1 }] }, 'input[0].extra'],
    ['R', { text: { format: { type: 'text', extra: 1 } } }, 'text.format.extra'],
    ['E', { dots: { extra: 1 } }, 'dots.extra'],
    [
      'M',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 'x', extra: 1 }] }] },
      'messages[0].content[0].extra',
    ],
    ['M', { tool_choice: { type: 'auto', extra: 1 } }, 'tool_choice.extra'],
  ])('%s %j names %s', (letter, more, name) => {
    const [, schema, body] = ROUTES.find(([one]) => one === letter) as (typeof ROUTES)[number];
    const request = { ...body, ...more };
    expect(unknownFields(schema, request)).toEqual([name]);
    parseRequest(schema, request, false);
    expect(thrownBy(() => parseRequest(schema, request, true)).details).toMatchObject({
      param: name,
      code: 'unknown_field',
    });
  });

  it('says nothing about schemas, arguments and labels, whose keys are their own', () => {
    const schema = { type: 'object', properties: { a: { anything: 1 } } };
    const request = {
      messages: user,
      metadata: { a: { b: 1 } },
      tools: [
        { type: 'function', function: { name: 'a', parameters: schema } },
        { type: 'web_search', filters: {} },
      ],
      response_format: { type: 'json_schema', json_schema: { schema } },
      chat_template_kwargs: { a: 1 },
    };
    expect(unknownFields(chatRequest, request)).toEqual([]);
    parseRequest(chatRequest, request, true);
  });
});
