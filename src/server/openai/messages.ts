import { z } from 'zod';
import type { ToolChatMessage } from '../../text/tools/tool-messages.ts';
import { optional } from './validate.ts';

const textPart = z.object({
  type: z.literal('text', { error: 'only parts of type "text" can be read by this model' }),
  text: z.string(),
});

/** A string, or text parts, which are joined without a separator. */
const content = z
  .union([z.string(), z.array(textPart)])
  .transform((value) => (typeof value === 'string' ? value : value.map((part) => part.text).join('')));

const toolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

export const message = z.discriminatedUnion(
  'role',
  [
    z.object({ role: z.literal('system'), content, name: optional(z.string()) }),
    z.object({ role: z.literal('developer'), content, name: optional(z.string()) }),
    z.object({ role: z.literal('user'), content, name: optional(z.string()) }),
    z.object({
      role: z.literal('assistant'),
      content: optional(content),
      refusal: optional(z.string()),
      name: optional(z.string()),
      tool_calls: optional(z.array(toolCall)),
    }),
    z.object({ role: z.literal('tool'), content, tool_call_id: z.string() }),
  ],
  { error: 'the role must be system, developer, user, assistant or tool' },
);

/** vLLM's name for more variables of the template. What they may hold is for the renderer to say. */
export const templateVariables = optional(
  z.record(z.string(), z.union([z.boolean(), z.number(), z.string(), z.null()])),
);

export type WireMessage = z.output<typeof message>;

/** Messages as the tools' format knows them. */
export function chatMessages(messages: readonly WireMessage[]): ToolChatMessage[] {
  return messages.map((item) => {
    const content = item.content ?? '';
    if (item.role === 'tool') return { role: 'tool', content, toolCallId: item.tool_call_id };
    if (item.role !== 'assistant') return { role: item.role === 'user' ? 'user' : 'system', content };
    const calls = (item.tool_calls ?? []).map(({ id, function: { name, arguments: text } }) => ({
      id,
      name,
      arguments: text,
    }));
    return { role: 'assistant', content, ...(calls.length > 0 && { toolCalls: calls }) };
  });
}
