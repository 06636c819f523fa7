import type { ChatMessage, ChatTemplate } from '../chat-template.ts';
import { DEFAULT_SYSTEM_PROMPT } from '../render-chat.ts';
import type { CallMemory } from './call-memory.ts';
import {
  callText,
  checkTools,
  resultText,
  TOOL_FORMATS,
  type ToolCall,
  type ToolDefinition,
  type ToolFormatName,
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

/** What a template makes of tools. */
export interface ToolSupport {
  /** How the model writes calls. */
  readonly format: ToolFormatName;
  /** The template itself describes tools to the model and shows it calls and results. */
  readonly isNative: boolean;
}

/** Known by the words that a template writes around a call; a template with words of its own is given text instead. */
export function toolSupport({ source }: ChatTemplate): ToolSupport {
  if (!/\btools\b/.test(source)) return { format: 'tagged', isNative: false };
  if (/<tool_call>(?:\\n|\s)*\{\\?"name\\?": /.test(source)) return { format: 'tagged', isNative: true };
  if (source.includes('<|start_header_id|>') && /\{"name": "/.test(source) && /"parameters": /.test(source))
    return { format: 'json', isNative: true };
  return { format: 'tagged', isNative: false };
}

/**
 * Messages and tools as `template` takes them: in Hugging Face's form for one that knows tools, else as `toolMessages`. The
 * result is what `renderChat` wants. Throws `UsageError` as `checkTools`.
 */
export function messagesForTemplate(
  template: ChatTemplate,
  messages: readonly ToolChatMessage[],
  options: ToolMessageOptions = {},
): { readonly messages: readonly ChatMessage[]; readonly tools?: readonly ToolDefinition[] } {
  const { tools = [], memory } = options;
  if (!toolSupport(template).isNative || !usesTools(messages, tools))
    return { messages: toolMessages(messages, options) };
  checkTools(tools);
  const keepsText = /arguments\s+is\s+string/.test(template.source);
  return {
    messages: inCallOrder(messages).map((message) => nativeMessage(message, keepsText, memory)),
    ...(tools.length > 0 && { tools }),
  };
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
  if (!usesTools(messages, tools)) return messages.map(({ role, content }) => ({ role, content }));

  const shown: ChatMessage[] = [];
  for (const [i, { role, content, toolCalls = [] }] of inCallOrder(messages).entries()) {
    if (role === 'tool') {
      const result = resultText(withoutMarkers(content));
      // Results in a row are one turn.
      const last = messages[i - 1]?.role === 'tool' ? shown.pop() : undefined;
      shown.push({ role: 'user', content: last ? `${last.content}\n${result}` : result });
    } else if (role === 'assistant') {
      const texts = toolCalls.map((call) => callText(memory?.recall(call) ?? call));
      // Its own text never has a marker that opens a call: that is what makes a call.
      shown.push({ role, content: withoutMarkers(content) + texts.join(TOOL_FORMATS.tagged.separator) });
    } else shown.push({ role, content: role === 'user' ? withoutMarkers(content) : content });
  }
  return tools.length > 0 ? withTools(shown, toolsText(tools), options.defaultSystemPrompt) : shown;
}

function usesTools(messages: readonly ToolChatMessage[], tools: readonly ToolDefinition[]): boolean {
  return tools.length > 0 || messages.some(({ role, toolCalls }) => role === 'tool' || toolCalls?.length);
}

/** Results in the order of the calls, whatever the order in which they returned. */
function inCallOrder(messages: readonly ToolChatMessage[]): ToolChatMessage[] {
  const ordered: ToolChatMessage[] = [];
  let calls: readonly ToolCall[] = [];
  for (let i = 0; i < messages.length; i++) {
    if (messages[i].role === 'assistant') calls = messages[i].toolCalls ?? [];
    if (messages[i].role !== 'tool') {
      ordered.push(messages[i]);
      continue;
    }
    const place = ({ toolCallId }: ToolChatMessage): number => {
      const at = calls.findIndex(({ id }) => id === toolCallId);
      return at < 0 ? calls.length : at;
    };
    const start = i;
    while (messages[i + 1]?.role === 'tool') i++;
    ordered.push(...messages.slice(start, i + 1).sort((a, b) => place(a) - place(b)));
  }
  return ordered;
}

/** As templates of Hugging Face have it. */
function nativeMessage(
  { role, content, toolCalls = [], toolCallId }: ToolChatMessage,
  keepsText: boolean,
  memory: CallMemory | undefined,
): ChatMessage {
  const message = { role, content: role === 'system' ? content : withoutMarkers(content) };
  if (role === 'tool') return { ...message, ...(toolCallId !== undefined && { tool_call_id: toolCallId }) };
  if (toolCalls.length === 0) return message;
  return {
    ...message,
    tool_calls: toolCalls.map((call) => {
      const { id, name, arguments: text } = memory?.recall(call) ?? call;
      return { type: 'function', id, function: { name, arguments: keepsText ? text : parsed(text) } };
    }),
  };
}

/** Templates that write arguments themselves take an object. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
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
