/** Conversations -> token ids with a mark on every token that the assistant says. */
import type { CounterRandom } from '../core/counter-random.ts';
import { FormatError, UnsupportedError } from '../core/errors.ts';
import type { ChatMessage, ChatTemplate } from '../text/chat-template.ts';
import { renderChat } from '../text/render-chat.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { ShuffledDocuments, type TrainingDocument } from './document-stream.ts';
import { badLine, type JsonLine, readJsonLines } from './json-lines.ts';

/** `lossMask` is 1 for the assistant's tokens and the marker that closes its turn, 0 for markers, system and user. */
export interface Conversation extends Required<TrainingDocument> {
  /** Answers at its end that were left out, because they did not fit. */
  readonly numLeftOut: number;
}

/**
 * One conversation in the model's template. The assistant's tokens are what a turn adds after its opening marker, found by
 * rendering with and without the turn, so it works for any template that renders front to back. Undefined if not even the
 * first answer ends within `maxTokens`; later turns that don't fit are left out. Throws `UnsupportedError` for a template
 * that rewrites earlier turns.
 */
export function encodeConversation(
  messages: readonly ChatMessage[],
  template: ChatTemplate,
  tokenizer: Tokenizer,
  maxTokens: number,
): Conversation | undefined {
  const render = (shown: readonly ChatMessage[], addGenerationPrompt: boolean) =>
    renderChat(template, shown, tokenizer, { addGenerationPrompt, defaultSystemPrompt: null });
  let tokens: Int32Array | undefined;
  let numLeftOut = 0;
  const answers: { start: number; end: number }[] = [];
  for (const [i, message] of messages.entries()) {
    if (message.role !== 'assistant') continue;
    const before = render(messages.slice(0, i), true);
    const whole = render(messages.slice(0, i + 1), false);
    if (!startsWith(whole, before) || (tokens && !startsWith(before, tokens))) {
      throw new UnsupportedError(
        'Cannot determine which tokens are the assistant’s: the chat template rewrites earlier turns',
        {
          code: 'template-not-incremental',
          hint: 'train with a template that renders each turn in the same way whatever follows',
        },
      );
    }
    if (whole.length > maxTokens) {
      numLeftOut = messages.slice(i).filter(({ role }) => role === 'assistant').length;
      break;
    }
    answers.push({ start: before.length, end: whole.length });
    tokens = whole;
  }
  if (!tokens) return undefined;
  const lossMask = new Uint8Array(tokens.length);
  for (const { start, end } of answers) lossMask.fill(1, start, end);
  return { tokens, lossMask, keepWhole: true, numLeftOut };
}

function startsWith(whole: Int32Array, start: Int32Array): boolean {
  return whole.length >= start.length && start.every((id, i) => id === whole[i]);
}

export interface ConversationFiles {
  readonly files: readonly string[];
  /** Repetitions of each conversation in an epoch: 2 twice, 0.5 half of them. */
  readonly upsample: number;
}

export interface ReadConversationsOptions {
  readonly template: ChatTemplate;
  readonly tokenizer: Tokenizer;
  /** Longest conversation in tokens. */
  readonly maxTokens: number;
  /** Chooses which ones are repeated once more if `upsample` is not a whole number. */
  readonly random: CounterRandom;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (file: string) => void;
}

export interface ConversationSet {
  readonly conversations: readonly Conversation[];
  /** Numbers of conversations, in the multiplicity of an epoch. */
  readonly epoch: Uint32Array;
  /** Of an epoch. */
  readonly numTokens: number;
  /** Conversations whose first answer is too long. */
  readonly numTooLong: number;
  /** Conversations whose later answers are too long: these are left out. */
  readonly numShortened: number;
}

/** Read JSON lines of `{"messages": [{"role", "content"}, …]}`. Throws `FormatError` naming file and line. */
export async function readConversations(
  parts: readonly ConversationFiles[],
  options: ReadConversationsOptions,
): Promise<ConversationSet> {
  const conversations: Conversation[] = [];
  const epoch: number[] = [];
  const random = options.random.drawsFrom(0);
  let numTokens = 0;
  let numTooLong = 0;
  let numShortened = 0;
  for (const { files, upsample } of parts) {
    for (const file of files) {
      options.onProgress?.(file);
      for await (const line of readJsonLines(file, { signal: options.signal })) {
        const messages = messagesOf(line, file);
        const conversation = encodeConversation(
          messages,
          options.template,
          options.tokenizer,
          options.maxTokens,
        );
        if (!conversation) {
          numTooLong++;
          continue;
        }
        if (conversation.numLeftOut > 0) numShortened++;
        const copies = Math.floor(upsample) + (random.uniform() < upsample % 1 ? 1 : 0);
        for (let i = 0; i < copies; i++) epoch.push(conversations.length);
        numTokens += copies * conversation.tokens.length;
        conversations.push(conversation);
      }
    }
  }
  if (epoch.length === 0) {
    throw new FormatError('Cannot train on conversations: none is left', {
      code: 'empty-corpus',
      hint: `${numTooLong} were longer than ${options.maxTokens} tokens; raise the sequence length or "upsample"`,
    });
  }
  return { conversations, epoch: Uint32Array.from(epoch), numTokens, numTooLong, numShortened };
}

/** The conversations of a set without end, shuffled anew for each epoch. */
export function conversationDocuments(set: ConversationSet, random: CounterRandom): ShuffledDocuments {
  return new ShuffledDocuments(
    set.epoch.length,
    (index) => Promise.resolve(set.conversations[set.epoch[index]]),
    random,
  );
}

/** The messages of a line; an assistant's turn has to be among them. */
export function messagesOf({ fields, line }: JsonLine, file: string): ChatMessage[] {
  const { messages } = fields;
  if (!Array.isArray(messages)) throw badLine(file, line, 'it has no list "messages"');
  const isMessage = (message: unknown) =>
    typeof message === 'object' &&
    message !== null &&
    typeof (message as ChatMessage).role === 'string' &&
    typeof (message as ChatMessage).content === 'string';
  if (!messages.every(isMessage)) {
    throw badLine(file, line, 'one of its messages lacks a "role" or a "content" that is text');
  }
  if (!messages.some((message: ChatMessage) => message.role === 'assistant')) {
    throw badLine(file, line, 'no message is from the assistant, so there is nothing to learn');
  }
  return messages as ChatMessage[];
}
