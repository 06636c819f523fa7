import { UnsupportedError } from '../core/errors.ts';
import type { ChatMessage } from '../text/chat-template.ts';
import { DEFAULT_SYSTEM_PROMPT, type ChatOptions as RenderOptions, renderChat } from '../text/render-chat.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { GenerateEvent } from './events.ts';
import { type GenerateOptions, generate } from './generate.ts';
import { type Engine, type OpenOptions, openEngine } from './open.ts';
import { type PositionLogits, score } from './score.ts';

export type ChatOptions = GenerateOptions & RenderOptions;

/** A model that chats, completes text, and shows its logits. Close it, or open it with `await using`. */
export class Model {
  readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /**
   * Answer a conversation. Hand over the whole of it each time: what is still cached is not recomputed. Control tokens
   * in messages count as plain text. Where the model has no template of its own and there is no system message,
   * `defaultSystemPrompt` is put first (null for none).
   */
  async *chat(
    messages: readonly ChatMessage[],
    options: ChatOptions = {},
  ): AsyncGenerator<GenerateEvent, void, undefined> {
    const prompt = renderChat(this.engine.files.chatTemplate, messages, this.tokenizer, {
      defaultSystemPrompt: DEFAULT_SYSTEM_PROMPT,
      ...options,
    });
    yield* generate(this.engine, Array.from(prompt), options);
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

  /** Raw logits after each token from `first` on; default: after the last one only. */
  async *logits(
    tokens: readonly number[],
    options: { readonly first?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<PositionLogits, void, undefined> {
    yield* score(this.engine, tokens, options.first ?? tokens.length - 1, options.signal);
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

  /** Ends what is being generated and frees the memory. May be called twice. */
  close(): Promise<void> {
    return this.engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Open a GGUF file (any shard of a set) or a Hugging Face folder. */
export async function open(path: string, options: OpenOptions = {}): Promise<Model> {
  return new Model(await openEngine(path, options));
}
