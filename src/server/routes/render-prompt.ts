import { type ChatOptions, DEFAULT_SYSTEM_PROMPT, renderChatParts } from '../../text/render-chat.ts';
import type { TextPart } from '../../text/tokenizer.ts';
import { messagesForTemplate, type ToolChatMessage } from '../../text/tools/tool-messages.ts';
import { chatMessages, type WireMessage } from '../openai/messages.ts';
import type { Tools } from '../openai/tools.ts';
import type { ServedModel } from '../served-model.ts';

export interface PromptRequest {
  readonly messages: readonly WireMessage[];
  readonly add_generation_prompt?: boolean | undefined;
  readonly continue_final_message?: boolean | undefined;
  readonly chat_template_kwargs?: ChatOptions['variables'] | undefined;
}

/** A conversation -> the token ids that the model reads. Throws 400 for what the template refuses, and for too much text. */
export function renderPrompt(
  request: PromptRequest,
  served: ServedModel,
  tools?: Tools,
  param = 'messages',
): Promise<number[]> {
  return served.encodePrompt(renderPromptParts(request, served, tools), param);
}

/** The same as text, cut into the template's own parts and those of messages. */
export function renderPromptParts(request: PromptRequest, served: ServedModel, tools?: Tools): TextPart[] {
  const { add_generation_prompt: addGenerationPrompt, continue_final_message: continueFinalMessage } =
    request;
  return renderMessages(chatMessages(request.messages), served, tools, {
    ...(addGenerationPrompt !== undefined && { addGenerationPrompt }),
    ...(continueFinalMessage && { continueFinalMessage }),
    ...(request.chat_template_kwargs && { variables: request.chat_template_kwargs }),
  });
}

/** Messages of any API, with tools as the model's template has them. Throws 400 before rendering for too much text. */
export function renderMessages(
  messages: readonly ToolChatMessage[],
  served: ServedModel,
  tools: Tools | undefined,
  options: ChatOptions = {},
): TextPart[] {
  const { tokenizer, engine, callMemory } = served;
  const { chatTemplate } = engine.files;
  // Templates may drop some of it, but what does not fit many times over is not meant to.
  served.checkText(textLength([messages, tools?.definitions, options.variables]), 'messages');
  const shown = messagesForTemplate(chatTemplate, messages, {
    tools: tools?.definitions ?? [],
    memory: callMemory,
  });
  return renderChatParts(chatTemplate, shown.messages, tokenizer, {
    defaultSystemPrompt: DEFAULT_SYSTEM_PROMPT,
    ...(shown.tools && { tools: shown.tools }),
    ...options,
  });
}

/** UTF-16 units of all strings in a value. */
function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, item) => sum + textLength(item), 0);
}
