import { z } from 'zod';
import type { ToolChatMessage } from '../../text/tools/tool-messages.ts';
import { ignored, optional, refused } from './validate.ts';

const textPart = z.object({
  type: z.literal('text', { error: 'only parts of type "text" can be read by this model' }),
  text: z.string(),
  cache_control: ignored('every prefix is cached'),
});

/** What a model said instead of an answer: for this one, text like any other. */
const refusalPart = z
  .object({ type: z.literal('refusal'), refusal: z.string() })
  .transform(({ refusal }) => ({ type: 'text' as const, text: refusal }));

const join = (value: string | readonly { readonly text: string }[]): string =>
  typeof value === 'string' ? value : value.map((part) => part.text).join('');

/** A string, or text parts, which are joined without a separator. */
const content = z.union([z.string(), z.array(textPart)]).transform(join);
const ownContent = z.union([z.string(), z.array(z.union([textPart, refusalPart]))]).transform(join);

const toolCall = z.object({
  id: z.string(),
  type: z.literal('function', { error: 'only calls of functions can be read by this model' }),
  function: z.object({ name: z.string(), arguments: z.string() }),
  index: ignored('calls are in order'),
});

const name = ignored('the template has no place for names');

export const message = z.discriminatedUnion(
  'role',
  [
    z.object({ role: z.literal('system'), content, name }),
    z.object({ role: z.literal('developer'), content, name }),
    z.object({ role: z.literal('user'), content, name }),
    z.object({
      role: z.literal('assistant'),
      content: optional(ownContent),
      refusal: optional(z.string()),
      name,
      tool_calls: optional(z.array(toolCall)),
      function_call: refused('use tool_calls'),
      audio: refused('give its text as content'),
      reasoning: ignored('thoughts of models that reason'),
      reasoning_content: ignored('thoughts of models that reason'),
      annotations: ignored('sources of web pages'),
    }),
    z.object({ role: z.literal('tool'), content, tool_call_id: z.string(), name }),
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
    if (item.role === 'tool') return { role: 'tool', content: item.content, toolCallId: item.tool_call_id };
    if (item.role !== 'assistant')
      return { role: item.role === 'user' ? 'user' : 'system', content: item.content };
    const content = item.content ?? item.refusal ?? '';
    const calls = (item.tool_calls ?? []).map(({ id, function: { name, arguments: text } }) => ({
      id,
      name,
      arguments: text,
    }));
    return { role: 'assistant', content, ...(calls.length > 0 && { toolCalls: calls }) };
  });
}
