import { z } from 'zod';
import type { ToolChatMessage } from '../../text/tools/tool-messages.ts';
import { badRequest } from '../api-error.ts';
import type { Tools } from '../openai/tools.ts';
import { ignored, optional } from '../openai/validate.ts';

const textBlock = z.object({ type: z.literal('text'), text: z.string() });
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
    }),
    z.object({ type: z.literal('tool_result'), tool_use_id: z.string(), content: optional(texts) }),
  ],
  { error: 'only blocks of type text, tool_use and tool_result can be read by this model' },
);

/** `POST /v1/messages`, the part of Anthropic's API that this model can serve. */
export const messagesRequest = z.object({
  model: optional(z.string()),
  max_tokens: optional(z.int().min(1)),
  system: optional(texts),
  messages: z
    .array(z.object({ role: z.enum(['user', 'assistant']), content: z.union([z.string(), z.array(block)]) }))
    .min(1)
    .max(1000),
  tools: optional(
    z
      .array(
        z.object({
          name: z.string(),
          description: optional(z.string()),
          input_schema: z.record(z.string(), z.unknown()),
        }),
      )
      .max(128),
  ),
  tool_choice: optional(
    z.object({
      type: z.enum(['auto', 'any', 'tool', 'none']),
      name: optional(z.string()),
      disable_parallel_tool_use: optional(z.boolean()),
    }),
  ),
  stop_sequences: optional(z.array(z.string()).max(16)),
  temperature: optional(z.number().min(0).max(2)),
  top_p: optional(z.number().gt(0).max(1)),
  top_k: optional(z.int().min(0)),
  stream: optional(z.boolean()),
  metadata: ignored,
  thinking: ignored,
  service_tier: ignored,
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
    if (role === 'assistant') {
      const toolCalls = blocks.flatMap((one) =>
        one.type === 'tool_use' ? [{ id: one.id, name: one.name, arguments: JSON.stringify(one.input) }] : [],
      );
      list.push({ role, content: text, ...(toolCalls.length > 0 && { toolCalls }) });
      continue;
    }
    const results = blocks.filter((one) => one.type === 'tool_result');
    for (const { tool_use_id, content: result } of results)
      list.push({
        role: 'tool',
        toolCallId: tool_use_id,
        content: typeof result === 'string' ? result : joined(result),
      });
    if (text !== '' || results.length === 0) list.push({ role: 'user', content: text });
  }
  return list;
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
  if (tools.length === 0) {
    if (!choice || choice.type === 'auto' || choice.type === 'none') return undefined;
    throw badRequest('tool_choice: there are no tools to choose from', 'tool_choice');
  }
  if (choice?.type === 'tool' && choice.name === undefined)
    throw badRequest('tool_choice.name is missing', 'tool_choice.name');
  const wanted = { auto: 'auto', any: 'required', none: 'none', tool: { name: choice?.name ?? '' } } as const;
  return {
    definitions: tools.map(({ name, description, input_schema: parameters }) => ({
      name,
      parameters,
      ...(description !== undefined && { description }),
    })),
    choice: wanted[choice?.type ?? 'auto'],
    parallel: choice?.disable_parallel_tool_use !== true,
  };
}
