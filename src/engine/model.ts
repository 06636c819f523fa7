import { UnsupportedError } from '../core/errors.ts';
import type { ModelConfig } from '../model/architecture.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { type Answer, type ChatEvent, type ChatOptions, chat, collectAnswer, type Message } from './chat.ts';
import { checkLogits } from './check-logits.ts';
import { Conversation, type ConversationOptions } from './conversation.ts';
import type { GenerateEvent } from './events.ts';
import { type GenerateOptions, generate } from './generate.ts';
import { type ModelSource, resolveSource } from './model-source.ts';
import { type Engine, type OpenOptions, openEngine } from './open.ts';
import type { SamplingOptions } from './sampling-options.ts';
import { type PositionLogits, score } from './score.ts';

/** A model that chats, completes text, and shows its logits. Close it, or open it with `await using`. */
export class Model {
  readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** What its maker calls it, or the name of its file. */
  get name(): string {
    return this.engine.files.name;
  }

  /** Layers, widths, experts, vocabulary: what the files say of the network. */
  get config(): ModelConfig {
    return this.engine.config;
  }

  /** Tokens that one conversation may have, prompt and answer together. */
  get contextLength(): number {
    return this.engine.contextLength;
  }

  /** How answers are sampled where options do not say: what the files recommend. */
  get samplingDefaults(): SamplingOptions {
    return this.engine.samplingDefaults;
  }

  /** Throws `UnsupportedError` for files without one. */
  get tokenizer(): Tokenizer {
    const { tokenizer, origin } = this.engine.files;
    if (tokenizer) return tokenizer;
    throw new UnsupportedError(`${origin} has no tokenizer`, {
      code: 'no-tokenizer',
      hint: 'give token ids instead of text',
    });
  }

  /**
   * Answer a conversation, or a single message of text, and stream the answer. Hand over the whole conversation each time:
   * what is still cached is not recomputed. Control tokens in messages count as plain text. Where the model has no template
   * of its own and there is no system message, `defaultSystemPrompt` is put first (null for none).
   */
  async *chat(
    messages: string | readonly Message[],
    options: ChatOptions = {},
  ): AsyncGenerator<ChatEvent, void, undefined> {
    yield* chat(this.engine, this.tokenizer, messages, options);
  }

  /** As `chat`; the whole answer at once. */
  async ask(messages: string | readonly Message[], options: ChatOptions = {}): Promise<Answer> {
    return await collectAnswer(this.chat(messages, options));
  }

  /** A conversation that keeps its history. `options` hold for all its answers. */
  conversation(options: ConversationOptions = {}): Conversation {
    return new Conversation((messages, own) => this.chat(messages, own), options);
  }

  /** Complete a text or token ids, without a template. Control tokens in the text are recognised. */
  async *complete(
    prompt: string | readonly number[],
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerateEvent, void, undefined> {
    const tokens =
      typeof prompt === 'string' ? this.tokenizer.encodePrompt(prompt, { control: true }) : prompt;
    yield* generate(this.engine, tokens, options);
  }

  /**
   * Raw logits after each token from `first` on; default: after the last one only. Throws `FormatError` (`not-a-number`) for a
   * model whose logits are none.
   */
  async *logits(
    tokens: readonly number[],
    options: { readonly first?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<PositionLogits, void, undefined> {
    const first = options.first ?? tokens.length - 1;
    for await (const scored of score(this.engine, tokens, first, options.signal)) {
      checkLogits(scored.logits_V, scored.position);
      yield scored;
    }
  }

  /** Ends what is being generated and frees the memory. May be called twice. */
  close(): Promise<void> {
    return this.engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Open a GGUF file (any shard of a set), a Hugging Face folder, the bytes of a GGUF file, `mini`, the model that ships with
 * dots.ts (a file of that name is `./mini`), or `hf:OWNER/REPO[:QUANT]`, which in Node is downloaded unless it is in the cache.
 * Warnings go to the console unless `onWarning` takes them.
 */
export async function open(source: ModelSource, options: OpenOptions = {}): Promise<Model> {
  // biome-ignore lint/suspicious/noConsole: who does not listen to warnings has to see them all the same
  const warn = (message: string): void => console.warn(`dots.ts: ${message}`);
  const all = { onWarning: warn, ...options };
  return new Model(await openEngine(await resolveSource(source, all), all));
}
