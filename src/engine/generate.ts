import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { StreamDecoder, Tokenizer } from '../text/tokenizer.ts';
import { EventQueue } from './event-queue.ts';
import type { FinishReason, GenerateEvent, Timings } from './events.ts';
import type { Loop, LoopRequest } from './loop.ts';
import type { ExpertIds } from './routing.ts';
import { Sampler } from './sampler.ts';
import type { SamplingOptions } from './sampling-options.ts';
import { StopStrings } from './stop-strings.ts';

export interface GenerateOptions extends SamplingOptions {
  /** Default: as many as the context has room for. */
  readonly maxTokens?: number;
  /** Text that ends the answer; it is not part of it. */
  readonly stop?: readonly string[];
  /** Tokens that end the answer beside the model's own end tokens. */
  readonly stopTokens?: readonly number[];
  /** Go on over the model's end tokens. */
  readonly ignoreEos?: boolean;
  /** `token-delta` events say which experts were chosen. Costs a few microseconds for each token and layer. */
  readonly routing?: boolean;
  readonly signal?: AbortSignal;
}

export interface GenerateContext {
  readonly loop: Loop;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly tokenizer: Tokenizer | undefined;
  /** Rows of the output matrix that are no tokens. */
  readonly unusedTokens: readonly number[];
}

/**
 * The life of one request: check it, hand it to the loop, and pass on what happens. Leaving the iteration early cancels
 * the request. Throws `UsageError` for prompts and options that cannot work, and the signal's reason when aborted.
 */
export async function* generate(
  context: GenerateContext,
  prompt: readonly number[],
  options: GenerateOptions = {},
): AsyncGenerator<GenerateEvent, void, undefined> {
  checkPrompt(prompt, context.vocabSize, context.contextLength - 1);
  options.signal?.throwIfAborted();
  const left = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
  const request = new Generation(context, prompt, options, signal);
  context.loop.add(request);
  try {
    yield* request.events.read();
  } finally {
    left.abort();
  }
}

/** Throws `UsageError` unless every token exists and the prompt fits. */
export function checkPrompt(prompt: readonly number[], vocabSize: number, maxTokens: number): void {
  if (prompt.length === 0) {
    throw new UsageError('The prompt is empty', {
      code: 'empty-prompt',
      hint: 'this model has no start token, so give it at least one token of text',
    });
  }
  if (prompt.length > maxTokens) {
    throw new UsageError(
      `The prompt has ${formatCount(prompt.length)} tokens, but the context has room for ${formatCount(maxTokens)}`,
      {
        code: 'prompt-too-long',
        hint: 'shorten the prompt, or open the model with a larger context (--ctx) if its own limit allows it',
      },
    );
  }
  const wrong = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (wrong !== undefined) {
    throw new UsageError(`Token ${wrong} does not exist: ids go from 0 to ${formatCount(vocabSize - 1)}`, {
      code: 'token-out-of-range',
      hint: 'tokenize the text with the tokenizer of this model',
    });
  }
}

class Generation implements LoopRequest {
  readonly tokens: number[];
  readonly events = new EventQueue<GenerateEvent>();
  readonly signal: AbortSignal;
  readonly wantsRouting: boolean;
  private readonly promptLength: number;
  private readonly maxLength: number;
  private readonly sampler: Sampler;
  private readonly stopTokens: ReadonlySet<number>;
  private readonly stopStrings: StopStrings;
  private readonly decoder: StreamDecoder | undefined;
  private readonly startMs = performance.now();
  private firstTokenMs = 0;
  private cachedTokens: number | undefined;

  constructor(
    context: GenerateContext,
    prompt: readonly number[],
    options: GenerateOptions,
    signal: AbortSignal,
  ) {
    const { tokenizer, contextLength } = context;
    const { maxTokens = Number.POSITIVE_INFINITY } = options;
    if (!(maxTokens >= 1)) {
      throw new UsageError(`maxTokens is ${maxTokens}`, {
        code: 'bad-max-tokens',
        hint: 'it must be 1 or more',
      });
    }
    this.tokens = [...prompt];
    this.signal = signal;
    this.wantsRouting = options.routing ?? false;
    this.promptLength = prompt.length;
    this.maxLength = Math.min(contextLength, prompt.length + maxTokens);
    this.sampler = new Sampler(options, prompt, context.unusedTokens);
    this.stopTokens = new Set([
      ...(options.ignoreEos ? [] : (tokenizer?.special.eos ?? [])),
      ...(options.stopTokens ?? []),
    ]);
    this.stopStrings = new StopStrings(options.stop ?? []);
    this.decoder = tokenizer?.streamDecoder({ skipControl: true });
  }

  /** Generation wants the logits of the newest token only, also after it had to start again. */
  get firstLogits(): number {
    return this.tokens.length - 1;
  }

  onProgress(numComputed: number): void {
    this.cachedTokens ??= numComputed;
    if (numComputed < this.promptLength) {
      this.events.push({ type: 'prompt-progress', done: numComputed, total: this.promptLength });
    }
  }

  onLogits(_position: number, logits_V: Float32Array, experts?: ExpertIds): boolean {
    if (this.tokens.length === this.promptLength) {
      this.firstTokenMs = performance.now();
      this.events.push({
        type: 'prompt-end',
        promptTokens: this.promptLength,
        cachedTokens: this.cachedTokens ?? 0,
      });
    }
    const token = this.sampler.sample(logits_V);
    if (this.stopTokens.has(token)) return this.finish('stop', token);
    this.tokens.push(token);
    const { text, stop } = this.stopStrings.push(this.decoder?.push(token) ?? '');
    this.events.push({ type: 'token-delta', token, text, ...(experts && { experts }) });
    if (stop !== undefined) return this.finish('stop', stop);
    if (this.tokens.length >= this.maxLength) return this.finish('length');
    return true;
  }

  onEnd(error?: unknown): void {
    this.events.end(error);
  }

  private finish(reason: FinishReason, stoppedBy?: number | string): false {
    // A stop string ends the text where it begins; otherwise everything held back is part of the answer.
    const { text, stop } =
      typeof stoppedBy === 'string' ? { text: '' } : this.stopStrings.push(this.decoder?.flush() ?? '');
    const rest = stop === undefined && typeof stoppedBy !== 'string' ? text + this.stopStrings.flush() : text;
    const by = stoppedBy ?? stop;
    this.events.push({
      type: 'finish',
      reason: stop === undefined ? reason : 'stop',
      text: rest,
      ...(by === undefined ? {} : { stoppedBy: by }),
      timings: this.timings(),
    });
    return false;
  }

  private timings(): Timings {
    const promptMs = this.firstTokenMs - this.startMs;
    const predictedMs = performance.now() - this.firstTokenMs;
    const predictedTokens = this.tokens.length - this.promptLength;
    return {
      promptTokens: this.promptLength,
      promptMs,
      promptPerSecond: perSecond(this.promptLength - (this.cachedTokens ?? 0), promptMs),
      predictedTokens,
      predictedMs,
      // The first token came with the prompt, so the time after it belongs to the others.
      predictedPerSecond: perSecond(predictedTokens - 1, predictedMs),
    };
  }
}

function perSecond(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (1000 * count) / ms : 0;
}
