import { z } from 'zod';
import type { ToolChatMessage } from '../../text/tools/tool-messages.ts';
import { badRequest } from '../api-error.ts';
import type { AnswerFormatRequest } from './answer-format.ts';
import type { Tools } from './tools.ts';
import { ignored, optional } from './validate.ts';

const parts = z.array(
  z.object({
    type: z.enum(['input_text', 'output_text', 'text', 'refusal'], {
      error: 'only parts with text can be read by this model',
    }),
    text: z.string().default(''),
  }),
);
const content = z
  .union([z.string(), parts])
  .transform((value) => (typeof value === 'string' ? value : value.map(({ text }) => text).join('')));

const item = z.union([
  z.object({
    type: z.literal('function_call'),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.object({ type: z.literal('function_call_output'), call_id: z.string(), output: content }),
  z.object({ type: z.literal('reasoning') }),
  z.object({
    type: optional(z.literal('message')),
    role: z.enum(['system', 'developer', 'user', 'assistant']),
    content,
  }),
]);

const schema = z.union([z.record(z.string(), z.unknown()), z.boolean()]);

/** `POST /v1/responses`, the part of it that needs no memory of earlier requests. */
export const responsesRequest = z.object({
  model: optional(z.string()),
  input: z.union([z.string(), z.array(item).min(1).max(1000)]),
  instructions: optional(z.string()),
  max_output_tokens: optional(z.int().min(1)),
  temperature: optional(z.number().min(0).max(2)),
  top_p: optional(z.number().gt(0).max(1)),
  stream: optional(z.boolean()),
  tools: optional(
    z
      .array(
        z.object({
          type: z.literal('function', { error: 'only tools of type "function" are possible' }),
          name: z.string(),
          description: optional(z.string()),
          parameters: optional(z.record(z.string(), z.unknown())),
          strict: optional(z.boolean()),
        }),
      )
      .max(128),
  ),
  tool_choice: optional(
    z.union([
      z.enum(['none', 'auto', 'required']),
      z.object({ type: z.literal('function'), name: z.string() }),
    ]),
  ),
  parallel_tool_calls: optional(z.boolean()),
  text: optional(
    z.object({
      format: optional(
        z.discriminatedUnion('type', [
          z.object({ type: z.literal('text') }),
          z.object({ type: z.literal('json_object') }),
          z.object({
            type: z.literal('json_schema'),
            name: optional(z.string()),
            schema,
            strict: optional(z.boolean()),
          }),
        ]),
      ),
    }),
  ),
  metadata: optional(z.record(z.string(), z.unknown())),
  previous_response_id: optional(z.string()),
  conversation: optional(z.unknown()),
  background: optional(z.boolean()),
  store: ignored,
  reasoning: ignored,
  include: ignored,
  truncation: ignored,
  user: ignored,
  service_tier: ignored,
  safety_identifier: ignored,
  prompt_cache_key: ignored,
});

export type ResponsesRequest = z.output<typeof responsesRequest>;

/** Throws 400 for what would need a server that remembers. */
export function refuseState(request: ResponsesRequest): void {
  for (const param of ['previous_response_id', 'conversation', 'background'] as const) {
    if (request[param] === undefined || request[param] === false) continue;
    throw badRequest(`${param}: send the whole conversation as input`, param, 'unsupported_parameter');
  }
}

/** The same conversation in the tools' format. */
export function conversationOf({ input, instructions }: ResponsesRequest): ToolChatMessage[] {
  const list: ToolChatMessage[] = [];
  if (instructions) list.push({ role: 'system', content: instructions });
  const items = typeof input === 'string' ? [{ role: 'user' as const, content: input }] : input;
  for (const one of items) {
    if ('role' in one) {
      list.push({ role: one.role === 'developer' ? 'system' : one.role, content: one.content });
    } else if (one.type === 'function_call_output') {
      list.push({ role: 'tool', content: one.output, toolCallId: one.call_id });
    } else if (one.type === 'function_call') {
      // Text and calls of one answer come as items of their own.
      const call = { id: one.call_id, name: one.name, arguments: one.arguments };
      const last = list.at(-1);
      if (last?.role !== 'assistant') list.push({ role: 'assistant', content: '', toolCalls: [call] });
      else list[list.length - 1] = { ...last, toolCalls: [...(last.toolCalls ?? []), call] };
    }
  }
  if (list.length === 0) throw badRequest('input: there is nothing to answer', 'input');
  return list;
}

export function responsesTools({
  tools = [],
  tool_choice: choice,
  parallel_tool_calls,
}: ResponsesRequest): Tools | undefined {
  if (tools.length === 0) {
    if (choice === undefined || choice === 'none' || choice === 'auto') return undefined;
    throw badRequest('tool_choice: there are no tools to choose from', 'tool_choice');
  }
  return {
    definitions: tools.map(({ name, description, parameters }) => ({
      name,
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && { parameters }),
    })),
    choice: typeof choice === 'object' ? { name: choice.name } : (choice ?? 'auto'),
    parallel: parallel_tool_calls ?? true,
  };
}

/** The wanted form, in the words of the chat route. */
export function responsesFormat({ text }: ResponsesRequest): AnswerFormatRequest {
  const format = text?.format;
  if (format === undefined || format.type === 'text') return {};
  if (format.type === 'json_object') return { response_format: { type: 'json_object', schema: undefined } };
  const { name, schema: wanted, strict } = format;
  return {
    response_format: {
      type: 'json_schema',
      json_schema: { name, schema: wanted, strict },
      schema: undefined,
    },
  };
}
