import { z } from 'zod';
import type { ToolChatMessage } from '../../text/tools/tool-messages.ts';
import { badRequest } from '../api-error.ts';
import type { TextFormat } from '../openai/answer-format.ts';
import { chatRequest } from '../openai/chat-request.ts';
import { receiptOnly } from '../openai/sampling-fields.ts';
import { chooseTools, MAX_TOOLS, otherTool, skippedTool, type Tools } from '../openai/tools.ts';
import { field, foreignFields, ignored, oneOf, optional, refused } from '../openai/validate.ts';

const cacheControl = ignored('every prefix is cached');

const textBlock = z.object({
  type: z.literal('text'),
  text: z.string(),
  cache_control: cacheControl,
  citations: ignored('sources of documents'),
});
const texts = z.union([z.string(), z.array(textBlock)]);

const block = z.discriminatedUnion(
  'type',
  [
    textBlock,
    z.object({
      type: z.literal('tool_use'),
      id: z.string(),
      name: z.string(),
      input: z.record(z.string(), z.unknown()),
      cache_control: cacheControl,
      caller: ignored('the model itself'),
    }),
    z.object({
      type: z.literal('tool_result'),
      tool_use_id: z.string(),
      content: optional(texts),
      is_error: optional(z.boolean()),
      cache_control: cacheControl,
    }),
    // Other models' thoughts: nothing for this one to read.
    z.object({
      type: z.literal('thinking'),
      thinking: ignored('not read'),
      signature: ignored('not read'),
      cache_control: cacheControl,
    }),
    z.object({
      type: z.literal('redacted_thinking'),
      data: ignored('not read'),
      cache_control: cacheControl,
    }),
  ],
  { error: 'only blocks of type text, tool_use, tool_result and thinking can be read by this model' },
);

const functionTool = z.object({
  type: optional(z.literal('custom')),
  name: z.string(),
  description: optional(z.string()),
  input_schema: z.record(z.string(), z.unknown()),
  cache_control: cacheControl,
  strict: ignored('every schema is enforced'),
  input_examples: ignored('the schema says what is possible'),
  defer_loading: ignored('all tools are shown at once'),
  eager_input_streaming: ignored('arguments are always streamed'),
  allowed_callers: ignored('the model itself'),
});

const outputFormat = optional(
  z.object({
    type: z.literal('json_schema', { error: 'the type must be json_schema' }),
    schema: z.record(z.string(), z.unknown()),
    name: ignored('a label'),
  }),
);

/** Thoughts are never shown to the model; other edits of the conversation would be. */
function editsThoughtsOnly(value: unknown): boolean {
  const edits = (value as { edits?: unknown } | null)?.edits;
  return (
    Array.isArray(edits) &&
    edits.every((edit) => String((edit as { type?: unknown } | null)?.type).startsWith('clear_thinking'))
  );
}

const own = {
  model: field(optional(z.string()), 'name of the served model or an alias; default: the served model'),
  max_tokens: field(optional(z.int().min(1)), 'token limit; required'),
  system: field(
    optional(texts),
    'a string or text blocks; a block that begins with `x-anthropic-` is left out',
  ),
  messages: field(
    z
      .array(
        z.object({
          role: z.enum(['user', 'assistant', 'system'], {
            error: 'the role must be user, assistant or system',
          }),
          content: z.union([z.string(), z.array(block)]),
        }),
      )
      .min(1)
      .max(1000),
    'roles user, assistant, system; blocks `text`, `tool_use`, `tool_result`, `thinking` (not read); a last message of the assistant is continued',
  ),
  tools: field(
    optional(z.array(z.union([functionTool, otherTool])).max(MAX_TOOLS)),
    'with `input_schema`; arguments always match it; tools that a server runs are left out, which `dots.receipt` reports',
  ),
  tool_choice: field(
    optional(
      z.object({
        type: z.enum(['auto', 'any', 'tool', 'none']),
        name: optional(z.string()),
        disable_parallel_tool_use: optional(z.boolean()),
      }),
    ),
    '`auto`, `any`, `tool`, `none`',
  ),
  output_config: field(
    optional(z.object({ format: outputFormat, effort: ignored('the model does not reason') })),
    '`.format`: `json_schema`; with `tools`, of an answer without calls',
  ),
  output_format: field(outputFormat, 'as `output_config.format`'),
  stop_sequences: field(optional(z.array(z.string()).max(16)), 'up to 16; not in tool calls'),
  temperature: field(
    optional(z.number().min(0).max(2)),
    '0 is greedy, ties go to the lowest id; default of the model, else 1',
  ),
  top_p: field(optional(z.number().min(0).max(1)), '0 keeps the most likely token'),
  top_k: field(optional(z.int().min(-1)), '0 and −1 keep all'),
  stream: field(optional(z.boolean()), 'server-sent events'),
  dots: receiptOnly,
  metadata: ignored('labels'),
  thinking: ignored('the model does not reason'),
  service_tier: ignored('there is one'),
  cache_control: cacheControl,
  inference_geo: ignored('the server is where it is'),
  speed: ignored('there is one'),
  betas: ignored('what is supported needs no header'),
  stop: refused('use stop_sequences'),
  mcp_servers: refused('give the model functions', oneOf([])),
  container: refused('give the model functions'),
  context_management: refused('shorten the messages', editsThoughtsOnly),
  stream_options: ignored('usage is always there'),
} as const;

/** `POST /v1/messages`, the part of Anthropic's API that this model can serve. */
export const messagesRequest = z.object({
  ...own,
  ...foreignFields(chatRequest.shape, own, 'this API does not have it; use /v1/chat/completions'),
});

export type MessagesRequest = z.output<typeof messagesRequest>;

/** The same conversation in the tools' format. */
export function toolChatMessages({ system, messages }: MessagesRequest): ToolChatMessage[] {
  const list: ToolChatMessage[] = [];
  const instructions = typeof system === 'string' ? system : joined(system?.filter(isLasting));
  if (instructions !== '') list.push({ role: 'system', content: instructions });
  for (const { role, content } of messages) {
    const blocks = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content;
    const text = joined(blocks.filter((one) => one.type === 'text'));
    if (role === 'system') {
      list.push({ role, content: text });
      continue;
    }
    if (role === 'assistant') {
      const toolCalls = blocks.flatMap((one) =>
        one.type === 'tool_use' ? [{ id: one.id, name: one.name, arguments: JSON.stringify(one.input) }] : [],
      );
      list.push({ role, content: text, ...(toolCalls.length > 0 && { toolCalls }) });
      continue;
    }
    const results = blocks.filter((one) => one.type === 'tool_result');
    for (const { tool_use_id, content: result, is_error: isError } of results) {
      const shown = typeof result === 'string' ? result : joined(result);
      list.push({ role: 'tool', toolCallId: tool_use_id, content: isError ? `Error: ${shown}` : shown });
    }
    if (text !== '' || results.length === 0) list.push({ role: 'user', content: text });
  }
  return list;
}

/** The last message is the beginning of the answer. Throws 400 where it cannot be one. */
export function isPrefilled(request: MessagesRequest): boolean {
  const last = request.messages.at(-1);
  if (last?.role !== 'assistant') return false;
  const at = `messages[${request.messages.length - 1}]`;
  if (typeof last.content !== 'string' && last.content.some(({ type }) => type === 'tool_use'))
    throw badRequest(`${at}: a tool_use needs a tool_result in a message of the user`, at);
  if (messagesFormat(request))
    throw badRequest(`${at}: an answer in a given format cannot continue text; leave the message out`, at);
  return true;
}

/** One client puts a line first that changes with every request, after which nothing would be found in the cache. */
function isLasting({ text }: { readonly text: string }): boolean {
  return !text.startsWith('x-anthropic-');
}

function joined(blocks: readonly { readonly text: string }[] | undefined): string {
  return (blocks ?? []).map(({ text }) => text).join('\n');
}

/** The tools of a request, or undefined if there are none. Throws 400 for a choice without tools. */
export function messagesTools({ tools = [], tool_choice: choice }: MessagesRequest): Tools | undefined {
  if (choice?.type === 'tool' && choice.name === undefined)
    throw badRequest('tool_choice.name is missing', 'tool_choice.name');
  const wanted = { auto: 'auto', any: 'required', none: 'none', tool: { name: choice?.name ?? '' } } as const;
  return chooseTools({
    tools: tools.map((tool) =>
      isFunction(tool) ? { ...tool, parameters: tool.input_schema } : skippedTool(tool),
    ),
    choice: choice && wanted[choice.type],
    parallel: choice?.disable_parallel_tool_use !== true,
  });
}

type WireTool = NonNullable<MessagesRequest['tools']>[number];

function isFunction(tool: WireTool): tool is z.output<typeof functionTool> {
  return 'input_schema' in tool && (tool.type === undefined || tool.type === 'custom');
}

/** The format of the answer, or undefined for free text. */
export function messagesFormat({
  output_config: config,
  output_format: format,
}: MessagesRequest): TextFormat | undefined {
  const wanted = config?.format ?? format;
  const param = config?.format ? 'output_config.format.schema' : 'output_format.schema';
  return wanted && { spec: { type: 'json-schema', schema: wanted.schema }, param };
}
