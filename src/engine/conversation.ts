import { UsageError } from '../core/errors.ts';
import type { ToolChatMessage } from '../text/tools/tool-messages.ts';
import { type Answer, type ChatEvent, type ChatOptions, collectAnswer } from './chat.ts';

export interface ConversationOptions extends ChatOptions {
  /** The system message; default: that of the chat template. */
  readonly system?: string;
}

type Ask = (
  messages: readonly ToolChatMessage[],
  options: ChatOptions,
) => AsyncGenerator<ChatEvent, void, undefined>;

/** A conversation that keeps its history. What was computed for it stays in the prefix cache while there is room. */
export class Conversation {
  private readonly chat: Ask;
  private readonly options: ChatOptions;
  private history: ToolChatMessage[];
  private isAnswering = false;

  constructor(chat: Ask, { system, ...options }: ConversationOptions) {
    this.chat = chat;
    this.options = options;
    this.history = system === undefined ? [] : [{ role: 'system', content: system }];
  }

  /** All messages so far, oldest first. */
  get messages(): readonly ToolChatMessage[] {
    return this.history;
  }

  /** The whole answer to the next message. `options` go before those of the conversation. */
  async ask(text: string, options: ChatOptions = {}): Promise<Answer> {
    return await collectAnswer(this.send(text, options));
  }

  /**
   * Send a message and stream the answer. Both become part of the history when the answer is complete: after an error, an
   * aborted signal or an iteration that is left early, the conversation is as it was. Throws `UsageError` while another
   * answer is being generated.
   */
  async *send(text: string, options: ChatOptions = {}): AsyncGenerator<ChatEvent, void, undefined> {
    if (this.isAnswering) {
      throw new UsageError('The conversation is still waiting for an answer', {
        code: 'conversation-busy',
        hint: 'read the answer to its end before the next message, or start another conversation',
      });
    }
    this.isAnswering = true;
    try {
      const asked = [...this.history, { role: 'user', content: text }];
      for await (const event of this.chat(asked, { ...this.options, ...options })) {
        if (event.type === 'finish') this.history = [...asked, ...event.messages];
        yield event;
      }
    } finally {
      this.isAnswering = false;
    }
  }
}
