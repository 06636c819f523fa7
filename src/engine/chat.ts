/** Answers to conversations: rendering, the loop of tool calls, and what callers need to continue. */
import { InternalError, UsageError } from '../core/errors.ts';
import type { ChatMessage } from '../text/chat-template.ts';
import { DEFAULT_SYSTEM_PROMPT, type ChatOptions as RenderOptions, renderChat } from '../text/render-chat.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { CallMemory } from '../text/tools/call-memory.ts';
import { ToolCallParser } from '../text/tools/tool-call-parser.ts';
import type { ToolCall, ToolDefinition } from '../text/tools/tool-format.ts';
import { messagesForTemplate, type ToolChatMessage, toolSupport } from '../text/tools/tool-messages.ts';
import { compileConstraint } from './constraint/compile-constraint.ts';
import type { Constraint } from './constraint/constraint.ts';
import type { ToolChoice } from './constraint/tool-grammar.ts';
import type { FinishEvent, FinishReason, GenerateEvent, TokenDeltaEvent } from './events.ts';
import { type GenerateOptions, generate } from './generate.ts';
import type { Engine } from './open.ts';

/** A message of a conversation: a plain one, one that a template knows more of, or one with calls of tools and their results. */
export type Message = ChatMessage | ToolChatMessage;

/** A function that the model may call while it answers. */
export interface Tool {
  /** What it does, for the model. */
  readonly description?: string;
  /** JSON Schema of the arguments, an object; default: any object. The model cannot write others. */
  readonly parameters?: unknown;
  /**
   * Called with arguments that match `parameters`. What it returns is shown to the model: a string as it is, anything else as
   * JSON. What it throws is shown to the model as an error. Without it the answer ends with the call (`tool-calls`).
   */
  // biome-ignore lint/suspicious/noExplicitAny: the schema says what they are, which TypeScript cannot know
  execute?(args: any, call: { readonly id: string; readonly signal?: AbortSignal }): unknown;
}

export interface ChatOptions extends GenerateOptions, Omit<RenderOptions, 'tools'> {
  /** Tools by name. Excludes `constraint`. */
  readonly tools?: Readonly<Record<string, Tool>>;
  /** Whether the model may, must or must not call tools before it has results. Default `auto`. */
  readonly toolChoice?: 'auto' | 'required' | 'none' | { readonly name: string };
  /** More than one call in a round. Default true. */
  readonly parallelToolCalls?: boolean;
  /** Most rounds of calls in one answer; after the last the model has to answer in words. Default 8. */
  readonly maxToolRounds?: number;
}

/** The model calls a tool. */
export interface ToolCallEvent {
  readonly type: 'tool-call';
  readonly id: string;
  readonly name: string;
  readonly arguments: unknown;
}

/** What the tool returned, as the model sees it. */
export interface ToolResultEvent {
  readonly type: 'tool-result';
  readonly id: string;
  readonly name: string;
  readonly result: string;
  /** The tool threw. */
  readonly isError: boolean;
}

/** Of all rounds together. */
export interface Usage {
  readonly promptTokens: number;
  /** Tokens of the prompt that were found in the prefix cache. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly totalTokens: number;
}

export interface ChatFinishEvent extends Omit<FinishEvent, 'reason'> {
  /** `tool-calls`: the answer ends with calls of tools that have no `execute`. */
  readonly reason: FinishReason | 'tool-calls';
  /** What the answer adds to the conversation: append them before the next question. */
  readonly messages: readonly ToolChatMessage[];
  readonly usage: Usage;
}

/** Without tools: one `prompt-end`, many `token-delta`, one `finish`. With tools, the first two repeat after each round of calls. */
export type ChatEvent =
  | Exclude<GenerateEvent, FinishEvent>
  | ToolCallEvent
  | ToolResultEvent
  | ChatFinishEvent;

/** A whole answer. */
export interface Answer {
  readonly text: string;
  readonly finishReason: ChatFinishEvent['reason'];
  /** What the answer adds to the conversation: append them before the next question. */
  readonly messages: readonly ToolChatMessage[];
  readonly usage: Usage;
  readonly timings: FinishEvent['timings'];
}

const DEFAULT_ROUNDS = 8;

/** Answer a conversation; see `Model.chat`. */
export async function* chat(
  engine: Engine,
  tokenizer: Tokenizer,
  messages: string | readonly Message[],
  options: ChatOptions,
): AsyncGenerator<ChatEvent, void, undefined> {
  const given: readonly Message[] =
    typeof messages === 'string' ? [{ role: 'user', content: messages }] : messages;
  checkConversation(given);
  const { chatTemplate } = engine.files;
  const tools = definitionsOf(options);
  const rounds = new Rounds(engine, tokenizer, tools, options);
  // The texts of earlier calls as they were generated, so that their prefix is found in the cache.
  const memory = new CallMemory();
  const added: ToolChatMessage[] = [];
  for (let round = 0; ; round++) {
    const all = [...given, ...added] as readonly (ChatMessage & ToolChatMessage)[];
    const shown = usesTools(all, tools)
      ? messagesForTemplate(chatTemplate, all, {
          tools,
          memory,
          ...(options.defaultSystemPrompt !== undefined && {
            defaultSystemPrompt: options.defaultSystemPrompt,
          }),
        })
      : { messages: all };
    const { tools: _, ...renderOptions } = options;
    const prompt = renderChat(chatTemplate, shown.messages, tokenizer, {
      defaultSystemPrompt: DEFAULT_SYSTEM_PROMPT,
      ...renderOptions,
      ...('tools' in shown && shown.tools && { tools: shown.tools }),
    });
    const { finish, calls, text } = yield* rounds.run(Array.from(prompt), round);
    for (const call of calls) memory.remember(call);
    added.push({ role: 'assistant', content: text, ...(calls.length > 0 && { toolCalls: calls }) });
    const isLast = calls.length === 0 || finish.reason === 'length';
    if (isLast || calls.some(({ name }) => !options.tools?.[name]?.execute)) {
      const reason = isLast ? finish.reason : 'tool-calls';
      yield { ...finish, text, reason, messages: added, usage: rounds.usage };
      return;
    }
    for (const call of calls) {
      const { result, isError } = await execute(call, options);
      yield { type: 'tool-result', id: call.id, name: call.name, result, isError };
      added.push({ role: 'tool', content: result, toolCallId: call.id });
    }
  }
}

/** The whole answer. */
export async function collectAnswer(events: AsyncIterable<ChatEvent>): Promise<Answer> {
  for await (const event of events) {
    if (event.type !== 'finish') continue;
    const { text, reason, messages, usage, timings } = event;
    return { text, finishReason: reason, messages, usage, timings };
  }
  throw new InternalError('the answer ended without a finish event');
}

interface Round {
  readonly finish: FinishEvent;
  readonly calls: readonly ToolCall[];
  /** Without the calls. */
  readonly text: string;
}

/** The generations of one answer, and what they have cost so far. */
class Rounds {
  private readonly engine: Engine;
  private readonly tokenizer: Tokenizer;
  private readonly tools: readonly ToolDefinition[];
  private readonly options: ChatOptions;
  private readonly constraints = new Map<string, Constraint>();
  private promptTokens = 0;
  private cachedTokens = 0;
  private completionTokens = 0;

  constructor(engine: Engine, tokenizer: Tokenizer, tools: readonly ToolDefinition[], options: ChatOptions) {
    this.engine = engine;
    this.tokenizer = tokenizer;
    this.tools = tools;
    this.options = options;
  }

  get usage(): Usage {
    const { promptTokens, cachedTokens, completionTokens } = this;
    return { promptTokens, cachedTokens, completionTokens, totalTokens: promptTokens + completionTokens };
  }

  /** Passes on the events of one generation, calls of tools taken out of the text. */
  async *run(prompt: readonly number[], round: number): AsyncGenerator<ChatEvent, Round, undefined> {
    const { format } = toolSupport(this.engine.files.chatTemplate);
    const choice = this.choiceOf(round);
    const mustCall = choice !== 'auto' && choice !== 'none';
    const parser = this.tools.length > 0 ? new ToolCallParser({ format, mustCall }) : undefined;
    const constraint = parser && this.constraintFor(choice);
    const options = { ...this.options, ...(constraint && { constraint }) };
    const reader = new RoundReader(parser);
    for await (const event of generate(this.engine, prompt, options)) {
      if (event.type === 'prompt-end') {
        this.promptTokens += event.promptTokens;
        this.cachedTokens += event.cachedTokens;
        yield event;
      } else if (event.type === 'token-delta') {
        this.completionTokens++;
        yield* reader.push(event);
      } else if (event.type === 'finish') {
        yield* reader.finish();
        const calls = parser?.calls ?? [];
        // A call that the token limit cut is not one.
        if (event.reason !== 'length')
          for (const { id, name, arguments: text } of calls)
            yield { type: 'tool-call', id, name, arguments: JSON.parse(text) };
        return { finish: event, calls: event.reason === 'length' ? [] : calls, text: reader.text };
      } else yield event;
    }
    throw new InternalError('the answer ended without a finish event');
  }

  private choiceOf(round: number): ToolChoice {
    const { toolChoice = 'auto', maxToolRounds = DEFAULT_ROUNDS } = this.options;
    if (round >= maxToolRounds) return 'none';
    return round === 0 ? toolChoice : 'auto';
  }

  private constraintFor(choice: ToolChoice): Constraint {
    const { parallelToolCalls: parallel = true } = this.options;
    const key = JSON.stringify(choice);
    const known = this.constraints.get(key);
    if (known) return known;
    const { format } = toolSupport(this.engine.files.chatTemplate);
    const constraint = compileConstraint(
      { type: 'tools', tools: this.tools, choice, format, parallel },
      this.tokenizer,
    );
    this.constraints.set(key, constraint);
    return constraint;
  }
}

/** Token deltas with the text of calls removed. A delta waits while some of its text may still begin a call. */
class RoundReader {
  text = '';
  private readonly parser: ToolCallParser | undefined;
  private held: TokenDeltaEvent | undefined;

  constructor(parser: ToolCallParser | undefined) {
    this.parser = parser;
  }

  *push(event: TokenDeltaEvent): Generator<TokenDeltaEvent> {
    if (!this.parser) {
      this.text += event.text;
      yield event;
      return;
    }
    yield* this.release('');
    const text = contentOf(this.parser.push(event.text));
    this.held = { ...event, text };
    if (text === event.text) yield* this.release('');
    this.text += text;
  }

  *finish(): Generator<TokenDeltaEvent> {
    const rest = this.parser ? contentOf(this.parser.finish()) : '';
    this.text += rest;
    yield* this.release(rest);
  }

  private *release(rest: string): Generator<TokenDeltaEvent> {
    if (this.held) yield { ...this.held, text: this.held.text + rest };
    this.held = undefined;
  }
}

function contentOf(deltas: ReturnType<ToolCallParser['push']>): string {
  return deltas.map((delta) => (delta.type === 'content' ? delta.text : '')).join('');
}

async function execute(
  { id, name, arguments: text }: ToolCall,
  { tools, signal }: ChatOptions,
): Promise<{ readonly result: string; readonly isError: boolean }> {
  try {
    const value = await tools?.[name]?.execute?.(JSON.parse(text), { id, ...(signal && { signal }) });
    const result = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
    return { result, isError: false };
  } catch (error) {
    signal?.throwIfAborted();
    return { result: `Error: ${error instanceof Error ? error.message : String(error)}`, isError: true };
  }
}

function definitionsOf({ tools, constraint, continueFinalMessage }: ChatOptions): ToolDefinition[] {
  const definitions = Object.entries(tools ?? {}).map(([name, { description, parameters }]) => ({
    name,
    ...(description !== undefined && { description }),
    ...(parameters !== undefined && { parameters }),
  }));
  if (definitions.length > 0 && (constraint || continueFinalMessage)) {
    throw new UsageError(
      `tools cannot be used together with ${constraint ? 'a constraint' : 'continueFinalMessage'}`,
      {
        code: 'bad-chat-options',
        hint: 'let the model call tools first, and ask for the form of the answer in a second question',
      },
    );
  }
  return definitions;
}

function usesTools(messages: readonly ToolChatMessage[], tools: readonly ToolDefinition[]): boolean {
  return (
    tools.length > 0 || messages.some(({ role, toolCalls }) => role === 'tool' || toolCalls !== undefined)
  );
}

function checkConversation(messages: readonly Message[]): void {
  if (messages.length > 0) return;
  throw new UsageError('The conversation is empty', {
    code: 'empty-conversation',
    hint: "give at least one message: { role: 'user', content: 'Hello' }",
  });
}
