import { z } from 'zod';
import { badRequest } from '../api-error.ts';
import type { WantedFormat } from './answer-format.ts';
import type { WireMessage } from './messages.ts';
import { samplingFields } from './sampling-fields.ts';
import type { Tools } from './tools.ts';
import { ignored, optional } from './validate.ts';

const MAX_ITEMS = 1000;
const MAX_TOOLS = 128;

const textPart = z.object({
  type: z.enum(['input_text', 'output_text', 'text'], {
    error: 'only parts of text can be read by this model',
  }),
  text: z.string(),
});

const text = z
  .union([z.string(), z.array(textPart)])
  .transform((value) => (typeof value === 'string' ? value : value.map((part) => part.text).join('')));

const item = z.union(
  [
    z.object({
      type: optional(z.literal('message')),
      role: z.enum(['system', 'developer', 'user', 'assistant']),
      content: text,
    }),
    z.object({
      type: z.literal('function_call'),
      call_id: z.string(),
      name: z.string(),
      arguments: z.string(),
    }),
    z.object({ type: z.literal('function_call_output'), call_id: z.string(), output: text }),
    // Other models' thoughts: nothing for this one to read.
    z.object({ type: z.literal('reasoning') }),
  ],
  { error: 'items are messages, function_call, function_call_output or reasoning' },
);

const format = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('text') }),
    z.object({ type: z.literal('json_object') }),
    z.object({
      type: z.literal('json_schema'),
      name: optional(z.string()),
      schema: z.union([z.record(z.string(), z.unknown()), z.boolean()]),
      strict: optional(z.boolean()),
    }),
  ],
  { error: 'the type must be text, json_object or json_schema' },
);

const tool = z.object({
  type: z.literal('function', { error: 'only tools of type "function" are possible' }),
  name: z.string(),
  description: optional(z.string()),
  parameters: optional(z.record(z.string(), z.unknown())),
  strict: optional(z.boolean()),
});

/** `POST /v1/responses`, without what would need a memory: every request brings the whole conversation. */
export const responsesRequest = z.object({
  ...samplingFields,
  input: z.union([z.string(), z.array(item).min(1).max(MAX_ITEMS)]),
  instructions: optional(z.string()),
  tools: optional(z.array(tool).max(MAX_TOOLS)),
  tool_choice: optional(
    z.union(
      [z.enum(['none', 'auto', 'required']), z.object({ type: z.literal('function'), name: z.string() })],
      { error: 'must be "none", "auto", "required" or {"type": "function", "name": …}' },
    ),
  ),
  parallel_tool_calls: optional(z.boolean()),
  text: optional(z.object({ format: optional(format), verbosity: ignored })),
  max_output_tokens: optional(z.int().min(1)),
  previous_response_id: optional(z.unknown()),
  conversation: optional(z.unknown()),
  background: optional(z.boolean()),
  prompt: optional(z.unknown()),
  include: ignored,
  reasoning: ignored,
  truncation: ignored,
  top_logprobs: ignored,
});

export type ResponsesRequest = z.output<typeof responsesRequest>;

/** Throws 400 for what would need a memory of earlier answers. */
export function checkStateless(request: ResponsesRequest): void {
  for (const name of ['previous_response_id', 'conversation', 'background', 'prompt'] as const) {
    if (request[name] === undefined || request[name] === false) continue;
    throw badRequest(
      `${name}: nothing is kept here; send the whole conversation as input`,
      name,
      'unsupported_parameter',
    );
  }
}

/** The conversation as chat completions have it: calls belong to the assistant's message before them. */
export function conversationOf({ instructions, input }: ResponsesRequest): WireMessage[] {
  const messages: WireMessage[] = [];
  if (instructions !== undefined) messages.push({ role: 'system', content: instructions, name: undefined });
  if (typeof input === 'string') return [...messages, { role: 'user', content: input, name: undefined }];
  for (const entry of input) {
    if (entry.type === 'function_call') {
      const { call_id: id, name, arguments: args } = entry;
      const call = { id, type: 'function' as const, function: { name, arguments: args } };
      const last = messages.at(-1);
      if (last?.role === 'assistant') last.tool_calls = [...(last.tool_calls ?? []), call];
      else messages.push({ ...assistantMessage(''), tool_calls: [call] });
    } else if (entry.type === 'function_call_output') {
      messages.push({ role: 'tool', content: entry.output, tool_call_id: entry.call_id });
    } else if (entry.type !== 'reasoning') {
      const { role, content } = entry;
      messages.push(role === 'assistant' ? assistantMessage(content) : { role, content, name: undefined });
    }
  }
  return messages;
}

function assistantMessage(content: string): WireMessage & { role: 'assistant' } {
  return { role: 'assistant', content, name: undefined, refusal: undefined, tool_calls: undefined };
}

/** The tools of a request, or undefined if there are none. Throws 400 for a choice without tools. */
export function responseTools(request: ResponsesRequest): Tools | undefined {
  const { tools = [], tool_choice: choice } = request;
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
    parallel: request.parallel_tool_calls ?? true,
  };
}

/** What the answer has to look like, or undefined for free text. Throws 400 for a format together with tool calls. */
export function responseFormat(
  request: ResponsesRequest,
  tools: Tools | undefined,
): WantedFormat | undefined {
  const wanted = request.text?.format;
  const isFree = wanted === undefined || wanted.type === 'text';
  if (tools && !isFree && tools.choice !== 'none') {
    throw badRequest(
      'text.format and calls of tools exclude each other; set tool_choice to "none"',
      'text.format',
    );
  }
  if (tools && isFree) {
    const { definitions, choice, parallel } = tools;
    return { spec: { type: 'tools', tools: definitions, choice, parallel }, param: 'tools' };
  }
  if (isFree) return undefined;
  return wanted.type === 'json_object'
    ? { spec: { type: 'json-object' }, param: 'text.format' }
    : { spec: { type: 'json-schema', schema: wanted.schema }, param: 'text.format.schema' };
}
