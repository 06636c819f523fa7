import { UsageError } from '../core/errors.ts';
import { formatCount } from '../core/units.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { AnswerText, type StopBefore } from './answer-text.ts';
import type { Constraint, ConstraintState } from './constraint/constraint.ts';
import { EventQueue } from './event-queue.ts';
import type { ChosenLogprob, FinishReason, GenerateEvent, Timings, TokenDeltaEvent } from './events.ts';
import { chosenLogprob, HeldLogprobs, MAX_LOGPROBS } from './logprobs.ts';
import type { Loop } from './loop.ts';
import type { LoopRequest } from './loop-request.ts';
import type { ExpertIds } from './routing.ts';
import { Sampler } from './sampler.ts';
import { type SamplingOptions, withDefaults } from './sampling-options.ts';

export interface GenerateOptions extends SamplingOptions {
  /** Default: as many as the context has room for. 0 only with `promptLogprobs`. */
  readonly maxTokens?: number;
  /** Before the answer has so many tokens nothing ends it: neither end tokens nor stop strings. */
  readonly minTokens?: number;
  /** Text that ends the answer; it is not part of it. */
  readonly stop?: readonly string[];
  /** The stop string that ended the answer is part of it after all. */
  readonly includeStopString?: boolean;
  /** Stop strings count only before this text: those in the arguments of a call would leave half a call. */
  readonly stopBefore?: StopBefore;
  /** Tokens that end the answer in addition to the model's own end tokens. */
  readonly stopTokens?: readonly number[];
  /** Continue after the model's end tokens. */
  readonly ignoreEos?: boolean;
  /** `token-delta` events say which experts were chosen. Costs a few microseconds for each token and layer. */
  readonly routing?: boolean;
  /** What the answer has to look like, from `compileConstraint`. It then ends when it is complete, `ignoreEos` or not. */
  readonly constraint?: Constraint;
  /** Log-probabilities of the tokens of the answer, each with so many of the most likely tokens: 0 to 20. */
  readonly logprobs?: number;
  /** The same for the tokens of the prompt; they come with `prompt-end`. The prompt is then computed as a whole. */
  readonly promptLogprobs?: number;
  /** Who asks: a client with many requests does not keep others from their turn. */
  readonly client?: string;
  /** Of a client's requests that wait for a place, those with the lowest number get one first; default 0. */
  readonly priority?: number;
  /** Cached prefixes are shared only with requests of equal salt. */
  readonly cacheSalt?: string;
  readonly signal?: AbortSignal;
}

export interface GenerateContext {
  readonly loop: Loop;
  readonly vocabSize: number;
  readonly contextLength: number;
  readonly tokenizer: Tokenizer | undefined;
  /** For options of sampling that a request leaves out. */
  readonly samplingDefaults: SamplingOptions;
  /** Rows of the output matrix that are not tokens. */
  readonly unusedTokens: ReadonlySet<number>;
}

/** A request that has been checked and not yet begun. */
export interface Prepared {
  /** Begins it. Leaving the iteration early cancels it. May be called once. */
  run(): AsyncGenerator<GenerateEvent, void, undefined>;
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
  yield* prepare(context, prompt, options).run();
}

/** The checks of `generate`, at once, for callers that must know before they promise an answer. Throws the same. */
export function prepare(
  context: GenerateContext,
  prompt: readonly number[],
  options: GenerateOptions = {},
): Prepared {
  checkPrompt(prompt, context.vocabSize, context.contextLength - 1);
  options.signal?.throwIfAborted();
  const left = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
  const request = new Generation(context, prompt, options, signal);
  return {
    async *run() {
      // Who reads slowly is paused and does not fill the memory; see `isPaused`.
      request.events.onDrained = context.loop.wake;
      request.begin();
      context.loop.add(request);
      try {
        yield* request.events.read();
      } finally {
        left.abort();
      }
    },
  };
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
  readonly client: string | undefined;
  readonly priority: number | undefined;
  readonly cacheSalt: string | undefined;
  private readonly options: GenerateOptions;
  private readonly promptLength: number;
  private readonly maxLength: number;
  private readonly sampler: Sampler;
  private readonly constraint: ConstraintState | undefined;
  private readonly loop: Loop;
  private failure: unknown;
  isBusy = false;
  isDone = false;
  private readonly stopTokens: ReadonlySet<number>;
  private readonly answer: AnswerText;
  private readonly heldLogprobs = new HeldLogprobs();
  /** The newest token while some of its text is held back: if it is the last one, that text belongs to it after all. */
  private heldDelta: TokenDeltaEvent | undefined;
  private readonly promptLogprobs: (ChosenLogprob | null)[] = [null];
  private readonly tokenizer: Tokenizer | undefined;
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
    checkGenerateOptions(options);
    this.tokens = [...prompt];
    this.signal = signal;
    this.wantsRouting = options.routing ?? false;
    this.client = options.client;
    this.priority = options.priority;
    this.cacheSalt = options.cacheSalt;
    this.options = options;
    this.loop = context.loop;
    this.tokenizer = tokenizer;
    this.promptLength = prompt.length;
    this.maxLength = Math.min(contextLength, prompt.length + (options.maxTokens ?? contextLength));
    this.sampler = new Sampler(
      withDefaults(options, context.samplingDefaults),
      prompt,
      context.unusedTokens,
      context.loop.scratch,
    );
    this.constraint = options.constraint?.start();
    this.stopTokens = new Set([
      ...(options.ignoreEos && !this.constraint ? [] : (tokenizer?.special.eos ?? [])),
      ...(options.stopTokens ?? []),
    ]);
    const { stop = [], includeStopString = false } = options;
    this.answer = new AnswerText(tokenizer?.streamDecoder({ skipControl: true }), {
      stop,
      includeStopString,
      stopBefore: options.stopBefore,
    });
  }

  /** Before the loop has the request. */
  begin(): void {
    if (this.constraint) this.advance(this.constraint.advance());
  }

  get isPaused(): boolean {
    return this.events.isFull;
  }

  /** Generation wants the logits of the newest token only, also after it had to start again. */
  get firstLogits(): number {
    const isPromptScored =
      this.options.promptLogprobs === undefined || this.promptLogprobs.length === this.promptLength;
    return isPromptScored ? this.tokens.length - 1 : this.promptLogprobs.length - 1;
  }

  onProgress(numComputed: number): void {
    this.cachedTokens ??= numComputed;
    if (numComputed < this.promptLength) {
      this.events.push({ type: 'prompt-progress', done: numComputed, total: this.promptLength });
    }
  }

  onLogits(position: number, logits_V: Float32Array, experts?: ExpertIds): boolean {
    if (position < this.promptLength - 1) {
      // After a restart the beginning comes again; it is the same to the bit.
      if (position === this.promptLogprobs.length - 1) {
        const numTop = this.options.promptLogprobs ?? 0;
        this.promptLogprobs.push(chosenLogprob(logits_V, this.tokens[position + 1], numTop, this.bytesOf));
      }
      return true;
    }
    if (this.tokens.length === this.promptLength) this.endPrompt();
    if (this.tokens.length >= this.maxLength) return this.finish('length');

    const token = this.sampler.sample(logits_V, {
      ...(this.constraint && { allowed: this.constraint.mask() }),
      ...(!this.mayStop && { forbidden: this.forbiddenEnds }),
    });
    if (this.stopTokens.has(token)) return this.finish('stop', token);
    this.tokens.push(token);
    const { text, stop, logprobs } = this.show(token, logits_V);
    this.releaseDelta();
    this.heldDelta = {
      type: 'token-delta',
      token,
      text,
      ...(logprobs && { logprobs }),
      ...(experts && { experts }),
    };
    if (!this.answer.isHoldingBack) this.releaseDelta();
    if (stop !== undefined) return this.finish('stop', stop);
    if (this.constraint && !this.advance(this.constraint.advance(token))) return true;
    return this.wantsMore();
  }

  private wantsMore(): boolean {
    if (this.constraint?.isFinished) return this.finish('stop');
    if (this.tokens.length >= this.maxLength) return this.finish('length');
    return true;
  }

  /** Find out what the next token may be. False if that takes longer: the request is busy, and others continue. */
  private advance(steps: Generator<void, void>): boolean {
    if (this.loop.turns.begin(steps)) return true;
    this.isBusy = true;
    void this.advanceInTurns(steps);
    return false;
  }

  private async advanceInTurns(steps: Generator<void, void>): Promise<void> {
    try {
      await this.loop.turns.run(untilAborted(steps, this.signal));
      this.isDone = !this.signal.aborted && this.tokens.length > this.promptLength && !this.wantsMore();
    } catch (error) {
      this.failure = error;
      this.isDone = true;
    }
    this.isBusy = false;
    this.loop.wake();
  }

  onStep(): void {
    this.events.flush();
  }

  onEnd(error?: unknown): void {
    this.releaseDelta();
    this.events.end(error ?? this.failure);
  }

  /**
   * Before the answer has its least length. The constraint leaves another token than the model's own ends, but perhaps none
   * other than the stop tokens of the request.
   */
  private get forbiddenEnds(): Iterable<number> {
    return this.constraint ? (this.tokenizer?.special.eos ?? []) : this.stopTokens;
  }

  private get mayStop(): boolean {
    return this.tokens.length - this.promptLength >= (this.options.minTokens ?? 0);
  }

  private readonly bytesOf = (token: number): Uint8Array => this.tokenizer?.decodeBytes(token) ?? NO_BYTES;

  private endPrompt(): void {
    this.firstTokenMs = performance.now();
    this.events.push({
      type: 'prompt-end',
      promptTokens: this.promptLength,
      cachedTokens: this.cachedTokens ?? 0,
      ...(this.options.promptLogprobs !== undefined && { promptLogprobs: this.promptLogprobs }),
    });
  }

  /** What becomes certain with a new token: text, log-probabilities, and the stop string if one is complete. */
  private show(
    token: number,
    logits_V: Float32Array,
  ): { text: string; stop?: string; logprobs?: ChosenLogprob[] } {
    const { span, ...shown } = this.answer.push(token, this.mayStop);
    if (this.options.logprobs === undefined) return shown;
    const entry = chosenLogprob(logits_V, token, this.options.logprobs, this.bytesOf);
    const isText = this.tokenizer !== undefined && !this.tokenizer.isControl(token);
    this.heldLogprobs.push(isText ? entry : { ...entry, bytes: NO_BYTES }, span);
    const { decoded, length } = this.answer;
    const logprobs =
      shown.stop === undefined
        ? this.heldLogprobs.release(length)
        : this.heldLogprobs.finish(decoded, length);
    return { ...shown, logprobs };
  }

  private finish(reason: FinishReason, stoppedBy?: number | string): false {
    // A stop string ends the text where it begins; otherwise everything held back is part of the answer.
    const { text, stop } = typeof stoppedBy === 'string' ? { text: '' } : this.answer.flush(this.mayStop);
    const logprobs = this.heldLogprobs.finish(this.answer.decoded, this.answer.length);
    this.releaseDelta(text, logprobs);
    const by = stoppedBy ?? stop;
    this.events.push({
      type: 'finish',
      reason: stop === undefined ? reason : 'stop',
      text: this.answer.shown,
      ...(by === undefined ? {} : { stoppedBy: by }),
      timings: this.timings(),
    });
    return false;
  }

  /** Hands on the newest token with `text` and `logprobs` that have become certain since. */
  private releaseDelta(text = '', logprobs: readonly ChosenLogprob[] = []): void {
    const delta = this.heldDelta;
    if (!delta) return;
    this.heldDelta = undefined;
    this.events.push({
      ...delta,
      text: delta.text + text,
      ...(delta.logprobs && { logprobs: [...delta.logprobs, ...logprobs] }),
    });
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

function* untilAborted(steps: Iterator<void, void>, signal: AbortSignal): Generator<void, void> {
  while (!signal.aborted && !steps.next().done) yield;
}

const NO_BYTES = new Uint8Array(0);

function checkGenerateOptions(options: GenerateOptions): void {
  const { maxTokens, minTokens, logprobs, promptLogprobs } = options;
  const lowest = promptLogprobs === undefined ? 1 : 0;
  if (maxTokens !== undefined && !(maxTokens >= lowest)) {
    throw new UsageError(`maxTokens is ${maxTokens}`, {
      code: 'bad-max-tokens',
      hint: `it must be ${lowest} or more`,
    });
  }
  if (minTokens !== undefined && !(minTokens >= 0)) {
    throw new UsageError(`minTokens is ${minTokens}`, {
      code: 'bad-min-tokens',
      hint: 'it must be 0 or more',
    });
  }
  for (const [name, count] of Object.entries({ logprobs, promptLogprobs })) {
    if (count === undefined || (Number.isInteger(count) && count >= 0 && count <= MAX_LOGPROBS)) continue;
    throw new UsageError(`${name} is ${count}`, {
      code: 'bad-logprobs',
      hint: `it must be a whole number from 0 to ${MAX_LOGPROBS}`,
    });
  }
}

function perSecond(count: number, ms: number): number {
  return count > 0 && ms > 0 ? (1000 * count) / ms : 0;
}
