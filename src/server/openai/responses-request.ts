import { z } from 'zod';
import { badRequest } from '../api-error.ts';
import { schema, type TextFormat } from './answer-format.ts';
import { chatRequest } from './chat-request.ts';
import type { WireMessage } from './messages.ts';
import { receiptOnly, samplingFields, tokenCount, topCount } from './sampling-fields.ts';
import {
  allowsSeveralCalls,
  chooseTools,
  skippedTool,
  type Tools,
  toolList,
  type WireFunction,
} from './tools.ts';
import { field, foreignFields, ignored, oneOf, optional, refused } from './validate.ts';

const MAX_ITEMS = 1000;

const nothing = ignored('nothing that a model reads');

const textPart = z.object({
  type: z.enum(['input_text', 'output_text', 'text'], {
    error: 'only parts of text can be read by this model',
  }),
  text: z.string(),
  annotations: nothing,
  logprobs: nothing,
  cache_control: nothing,
});

const refusalPart = z
  .object({ type: z.literal('refusal'), refusal: z.string() })
  .transform(({ refusal }) => ({ text: refusal }));

const text = z
  .union([z.string(), z.array(z.union([textPart, refusalPart]))])
  .transform((value) => (typeof value === 'string' ? value : value.map((part) => part.text).join('')));

const item = z.union(
  [
    z.object({
      type: optional(z.literal('message')),
      role: z.enum(['system', 'developer', 'user', 'assistant']),
      content: text,
      id: nothing,
      status: nothing,
      phase: nothing,
    }),
    z.object({
      type: z.literal('function_call'),
      call_id: z.string(),
      name: z.string(),
      arguments: z.string(),
      id: nothing,
      status: nothing,
    }),
    z.object({
      type: z.literal('function_call_output'),
      call_id: z.string(),
      output: text,
      id: nothing,
      status: nothing,
    }),
    // Other models' thoughts: nothing for this one to read.
    z.object({
      type: z.literal('reasoning'),
      id: nothing,
      status: nothing,
      summary: nothing,
      content: nothing,
      encrypted_content: nothing,
    }),
  ],
  {
    error:
      'items are messages, function_call, function_call_output or reasoning; nothing is stored that could be referred to',
  },
);

const format = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('text') }),
    z.object({ type: z.literal('json_object') }),
    z.object({
      type: z.literal('json_schema'),
      name: optional(z.string()),
      description: optional(z.string()),
      schema,
      strict: optional(z.boolean()),
    }),
  ],
  { error: 'the type must be text, json_object or json_schema' },
);

const functionTool = z.object({
  type: z.literal('function'),
  name: z.string(),
  description: optional(z.string()),
  parameters: optional(z.record(z.string(), z.unknown())),
  strict: optional(z.boolean()),
  defer_loading: ignored('all tools are shown at once'),
});

const noMemory = 'nothing is kept here; send the whole conversation as input';

/** What `include` may ask for: parts of tools and thoughts that there never are, and log-probabilities. */
const INCLUDABLE = [
  'message.output_text.logprobs',
  'reasoning.encrypted_content',
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'message.input_image.image_url',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
] as const;

const own = {
  input: field(
    z.union([z.string(), z.array(item).min(1).max(MAX_ITEMS)]),
    'a string, or messages, `function_call`, `function_call_output` and `reasoning` (not read)',
  ),
  instructions: field(optional(z.string()), 'a system message before the input'),
  max_output_tokens: field(tokenCount(1), 'token limit; −1: none; default: the remaining context'),
  ...samplingFields,
  tools: toolList(functionTool),
  tool_choice: field(
    optional(
      z.union(
        [
          z.enum(['none', 'auto', 'required']),
          z.object({ type: z.literal('function'), name: z.string() }),
          z.object({
            type: z.literal('allowed_tools'),
            mode: z.enum(['auto', 'required']),
            tools: z.array(z.looseObject({ type: z.string(), name: optional(z.string()) })),
          }),
        ],
        {
          error:
            'must be "none", "auto", "required", {"type": "function", "name": …} ' +
            'or {"type": "allowed_tools", "mode": …, "tools": […]}',
        },
      ),
    ),
    '`none`, `auto`, `required`, a function, or `allowed_tools`',
  ),
  parallel_tool_calls: field(
    optional(z.boolean()),
    'several calls in an answer; default true; a `tool_choice` that names a function allows one',
  ),
  text: field(
    optional(z.object({ format: optional(format), verbosity: ignored('a hint for models that know it') })),
    '`.format`: `text`, `json_object`, `json_schema`; with `tools`, of an answer without calls',
  ),
  include: field(
    optional(z.array(z.enum(INCLUDABLE))),
    '`message.output_text.logprobs`; what belongs to tools and thoughts of other models is never there',
  ),
  top_logprobs: field(optional(topCount), '0…20 alternatives for each token; needs `include`'),
  truncation: field(
    optional(z.enum(['auto', 'disabled'])),
    '`auto`: if the input is too long, its oldest messages are left out, as few as possible',
  ),
  dots: receiptOnly,
  stream_options: ignored('usage is always there'),
  reasoning: ignored('the model does not reason'),
  max_tool_calls: ignored('it is about tools that the server runs'),
  previous_response_id: refused(noMemory),
  conversation: refused(noMemory),
  prompt: refused(noMemory),
  background: refused(noMemory, oneOf(false)),
  context_management: refused('use truncation', oneOf([])),
  response_format: refused('use text.format', oneOf({ type: 'text' })),
  max_tokens: refused('use max_output_tokens'),
  max_completion_tokens: refused('use max_output_tokens'),
  messages: refused('use input'),
  functions: refused('use tools', oneOf([])),
  function_call: refused('use tool_choice', oneOf('none', 'auto')),
  n: refused('send several requests', oneOf(1)),
  logprobs: refused('use include: ["message.output_text.logprobs"] and top_logprobs', oneOf(false)),
  return_token_ids: refused('use dots.receipt', oneOf(false)),
  return_progress: refused('use /v1/chat/completions', oneOf(false)),
  grammar: refused('use /v1/chat/completions', oneOf('')),
  chat_template_kwargs: refused('use /v1/chat/completions', oneOf({})),
} as const;

/** `POST /v1/responses`, without what would need a memory: every request brings the whole conversation. */
export const responsesRequest = z.object({
  ...own,
  ...foreignFields(chatRequest.shape, own, 'use text.format, or /v1/chat/completions'),
});

export type ResponsesRequest = z.output<typeof responsesRequest>;

/** How many alternatives to list with each token, or undefined for no log-probabilities at all. */
export function includedLogprobs({ include, top_logprobs: top }: ResponsesRequest): number | undefined {
  if (include?.includes('message.output_text.logprobs')) return top ?? 0;
  if (top) throw badRequest('top_logprobs needs include: ["message.output_text.logprobs"]', 'top_logprobs');
  return undefined;
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
  return chooseTools({
    tools: tools.map((tool) =>
      'name' in tool && tool.type === 'function' ? (tool as WireFunction) : skippedTool(tool),
    ),
    choice:
      typeof choice !== 'object'
        ? choice
        : choice.type === 'function'
          ? { name: choice.name }
          : {
              mode: choice.mode,
              names: choice.tools.flatMap((tool) => (tool.type === 'function' ? (tool.name ?? []) : [])),
            },
    parallel: allowsSeveralCalls(request),
  });
}

/** The format of the answer, or undefined for free text. */
export function responseFormat(request: ResponsesRequest): TextFormat | undefined {
  const wanted = request.text?.format;
  if (wanted === undefined || wanted.type === 'text') return undefined;
  return wanted.type === 'json_object'
    ? { spec: { type: 'json-object' }, param: 'text.format' }
    : { spec: { type: 'json-schema', schema: wanted.schema }, param: 'text.format.schema' };
}
