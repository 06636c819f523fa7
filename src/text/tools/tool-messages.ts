import type { ChatMessage } from '../chat-template.ts';
import { DEFAULT_SYSTEM_PROMPT } from '../render-chat.ts';
import type { CallMemory } from './call-memory.ts';
import {
  CALL_SEPARATOR,
  callText,
  checkTools,
  resultText,
  type ToolCall,
  type ToolDefinition,
  toolsText,
  withoutMarkers,
} from './tool-format.ts';

/** A message as the API has it: `assistant` may have called tools, `tool` brings what one returned. */
export interface ToolChatMessage {
  readonly role: string;
  readonly content: string;
  readonly toolCalls?: readonly ToolCall[];
  /** Of a `tool` message: whose result it is. */
  readonly toolCallId?: string;
}

export interface ToolMessageOptions {
  readonly tools?: readonly ToolDefinition[];
  /** Goes before the list of tools where there is no system message; null for nothing. */
  readonly defaultSystemPrompt?: string | null;
  /** Where the exact text of earlier calls is found. */
  readonly memory?: CallMemory;
}

/**
 * Messages with tools -> messages for any chat template, which then knows only system, user and assistant. An answer that
 * is sent back as it was given becomes the text that was generated, to the byte, so that its prefix is found in the cache.
 * Without tools and calls the messages stay as they are. Throws `UsageError` as `checkTools`.
 */
export function toolMessages(
  messages: readonly ToolChatMessage[],
  options: ToolMessageOptions = {},
): ChatMessage[] {
  const { tools = [], memory } = options;
  checkTools(tools);
  const isUsed =
    tools.length > 0 || messages.some(({ role, toolCalls }) => role === 'tool' || toolCalls?.length);
  if (!isUsed) return messages.map(({ role, content }) => ({ role, content }));

  const shown: ChatMessage[] = [];
  let calls: readonly ToolCall[] = [];
  for (let i = 0; i < messages.length; i++) {
    const { role, content, toolCalls = [] } = messages[i];
    if (role === 'tool') {
      let end = i + 1;
      while (end < messages.length && messages[end].role === 'tool') end++;
      shown.push({ role: 'user', content: resultsText(messages.slice(i, end), calls) });
      i = end - 1;
    } else if (role === 'assistant') {
      calls = toolCalls;
      const texts = toolCalls.map((call) => callText(memory?.recall(call) ?? call));
      // Its own text never has a marker that opens a call: that is what makes a call.
      shown.push({ role, content: withoutMarkers(content) + texts.join(CALL_SEPARATOR) });
    } else shown.push({ role, content: role === 'user' ? withoutMarkers(content) : content });
  }
  return tools.length > 0 ? withTools(shown, toolsText(tools), options.defaultSystemPrompt) : shown;
}

/** In the order of the calls, whatever the order in which they returned. */
function resultsText(results: readonly ToolChatMessage[], calls: readonly ToolCall[]): string {
  const place = ({ toolCallId }: ToolChatMessage): number => {
    const at = calls.findIndex(({ id }) => id === toolCallId);
    return at < 0 ? calls.length : at;
  };
  return [...results]
    .sort((a, b) => place(a) - place(b))
    .map(({ content }) => resultText(withoutMarkers(content)))
    .join('\n');
}

function withTools(
  messages: readonly ChatMessage[],
  block: string,
  defaultSystemPrompt: string | null = DEFAULT_SYSTEM_PROMPT,
): ChatMessage[] {
  const [first, ...others] = messages;
  const join = (text: string | null): string => (text ? `${text}\n\n${block}` : block);
  if (first?.role === 'system') return [{ ...first, content: join(first.content) }, ...others];
  return [{ role: 'system', content: join(defaultSystemPrompt) }, ...messages];
}
