import { createHash } from 'node:crypto';
import { InternalError } from '../core/errors.ts';
import type { Turns } from '../core/turns.ts';
import type { StopBefore } from '../engine/answer-text.ts';
import type { Constraint } from '../engine/constraint/constraint.ts';
import { mayAnswerText } from '../engine/constraint/tool-grammar.ts';
import { prepare } from '../engine/generate.ts';
import type { Engine } from '../engine/open.ts';
import { countParameters } from '../model/weights.ts';
import type { TextPart, Tokenizer } from '../text/tokenizer.ts';
import { CallMemory } from '../text/tools/call-memory.ts';
import type { ToolCallParserOptions } from '../text/tools/tool-call-parser.ts';
import { TOOL_FORMATS, type ToolFormatName } from '../text/tools/tool-format.ts';
import { toolSupport } from '../text/tools/tool-messages.ts';
import { ApiError, badRequest } from './api-error.ts';
import type { ChoiceEnd } from './choice.ts';
import { type Asker, ConstraintCache, type WantedConstraint } from './constraint-cache.ts';
import type { TextFormat } from './openai/answer-format.ts';
import type { Tools } from './openai/tools.ts';

/** What an answer may look like, and how to read it. */
export interface AnswerRules {
  readonly constraint?: Constraint;
  /** For answers that may call tools. */
  readonly parser?: ToolCallParserOptions;
  readonly stopBefore?: StopBefore;
  /** Tools of the request that the model does not have. */
  readonly skipped: readonly string[];
}

/** The model as clients see it: its names, its facts, and what its answers depend on. */
export class ServedModel {
  readonly engine: Engine;
  readonly name: string;
  readonly names: readonly string[];
  readonly createdSeconds = Math.floor(Date.now() / 1000);
  /** Calls of tools as they were generated, so that they can be shown to the model again to the byte. */
  readonly callMemory = new CallMemory();
  readonly constraints = new ConstraintCache();
  /** How the model writes calls of tools. */
  readonly toolFormat: ToolFormatName;
  private readonly turns: Turns;
  private trial: Promise<void> | undefined;
  private known: Promise<string> | undefined;
  private hash = '';

  constructor(engine: Engine, name: string, aliases: readonly string[], turns: Turns) {
    this.engine = engine;
    this.turns = turns;
    this.name = name;
    this.names = [name, ...aliases];
    this.toolFormat = toolSupport(engine.files.chatTemplate).format;
  }

  /** Equal fingerprints, bodies and seeds give equal tokens. Known once `ready` has resolved. */
  get fingerprint(): string {
    if (this.hash === '') throw new InternalError('the fingerprint is requested before the model is ready');
    return this.hash;
  }

  /** Reads what answers need to know beforehand; called before each, works once. */
  async ready(): Promise<void> {
    this.known ??= fingerprint(this.engine);
    this.hash = await this.known;
  }

  /** `ready`, and the tree of tokens that the first constrained answer would otherwise make: a third of a second for 152,064 tokens. */
  async warmUp(): Promise<void> {
    const { tokenizer } = this.engine;
    if (tokenizer) this.constraints.prepare(tokenizer);
    await this.ready();
  }

  /** For fields that a request leaves out. */
  get samplingDefaults(): Readonly<Record<string, number>> {
    const {
      temperature = 1,
      topP = 1,
      topK = 0,
      minP = 0,
      repetitionPenalty = 1,
    } = this.engine.samplingDefaults;
    return { temperature, top_p: topP, top_k: topK, min_p: minP, repetition_penalty: repetitionPenalty };
  }

  /** Begin an answer of one token, unless one has begun: it clears `Loop.lastFailure` if it succeeds. */
  tryAnswer(): void {
    this.trial ??= this.answerOnce().finally(() => {
      this.trial = undefined;
    });
  }

  private async answerOnce(): Promise<void> {
    try {
      for await (const _ of prepare(this.engine, [0], { maxTokens: 1, client: 'health' }).run());
    } catch {
      // The loop keeps the reason.
    }
  }

  /** Throws 404 for a name that is not served. No name means this one. */
  check(model: string | undefined): void {
    if (model === undefined || this.names.includes(model)) return;
    throw new ApiError(
      `The model ${JSON.stringify(model)} is not served here; there is ${this.names.join(', ')}`,
      {
        status: 404,
        type: 'not_found_error',
        code: 'model_not_found',
        param: 'model',
      },
    );
  }

  /** Throws 400 for a model that has only token ids. */
  get tokenizer(): Tokenizer {
    const { tokenizer } = this.engine;
    if (tokenizer) return tokenizer;
    throw badRequest(
      'The model has no tokenizer; send token ids to /v1/completions',
      undefined,
      'no_tokenizer',
    );
  }

  /** What follows from the tools and the format of a request. Throws 400 naming the field for what can't be kept. */
  async rulesFor(
    tools: Tools | undefined,
    format: TextFormat | undefined,
    asker: Asker,
  ): Promise<AnswerRules> {
    const calls = tools?.definitions.length ? tools : undefined;
    const skipped = tools?.skipped ?? [];
    const wanted = this.wantedConstraint(calls, format);
    if (!wanted) return { skipped };
    const constraint = await this.compiled(wanted, format, asker);
    if (!calls || calls.choice === 'none') return { constraint, skipped };
    const { open, separator } = TOOL_FORMATS[this.toolFormat];
    const isWhole = format !== undefined || separator === undefined;
    return {
      constraint,
      skipped,
      parser: { format: this.toolFormat, isWhole, mustCall: !mayAnswerText(calls.choice) },
      stopBefore: { text: open, isPrefix: isWhole },
    };
  }

  private wantedConstraint(
    tools: Tools | undefined,
    format: TextFormat | undefined,
  ): WantedConstraint | undefined {
    if (!tools || (tools.choice === 'none' && format)) return format;
    const { definitions, choice, parallel } = tools;
    const spec = { type: 'tools', tools: definitions, choice, parallel, format: this.toolFormat } as const;
    if (!format || !mayAnswerText(choice)) return { spec, param: 'tools' };
    return { spec: { ...spec, text: format.spec }, param: 'tools' };
  }

  /** If tools and format do not compile together, the format by itself shows which of them is at fault. */
  private async compiled(
    wanted: WantedConstraint,
    format: TextFormat | undefined,
    asker: Asker,
  ): Promise<Constraint> {
    try {
      return await this.constraints.get(wanted, this.tokenizer, asker);
    } catch (error) {
      if (format && wanted !== format) await this.constraints.get(format, this.tokenizer, asker);
      throw error;
    }
  }

  /** The answer did not end by itself: something may be half done. */
  wasCut({ reason, stoppedBy }: ChoiceEnd): boolean {
    if (reason === 'length' || typeof stoppedBy === 'string') return true;
    return stoppedBy !== undefined && !this.tokenizer.special.eos.includes(stoppedBy);
  }

  /** As OpenAI's list has it, with what vLLM and llama-server add and clients size their history by. */
  describe(id: string): Readonly<Record<string, unknown>> {
    const { config, files, contextLength } = this.engine;
    return {
      id,
      object: 'model',
      created: this.createdSeconds,
      owned_by: 'dots.ts',
      root: this.name,
      parent: null,
      max_model_len: contextLength,
      meta: {
        n_params: countParameters(config).total,
        size: files.fileBytes,
        n_ctx_train: config.contextLength,
        n_vocab: config.vocabSize,
        n_embd: config.hiddenSize,
      },
    };
  }

  /** The token ids of a text that need not fit into the context. Streams continue meanwhile. Throws 400 above `maxText`. */
  async encode(parts: readonly TextPart[], param: string): Promise<number[]> {
    const size = parts.reduce((sum, { text }) => sum + text.length, 0);
    const most = this.maxText;
    if (size > most) throw badRequest(`${param}: at most ${most} characters at once`, param);
    return Array.from(await this.turns.run(this.tokenizer.encodeSteps(parts)));
  }

  /** The same for a prompt: throws 400 for what is too long to fit, which is known without its tokens. */
  async encodePrompt(parts: readonly TextPart[], param: string): Promise<number[]> {
    this.checkText(
      parts.reduce((sum, { text }) => sum + text.length, 0),
      param,
    );
    return Array.from(await this.turns.run(this.tokenizer.encodeSteps(parts)));
  }

  /** A text as a plain prompt: with its control tokens, and the start token where the model declares one. */
  async encodeText(text: string, param: string): Promise<number[]> {
    const ids = await this.encodePrompt([{ text, control: true }], param);
    const { bos } = this.tokenizer.special;
    return bos === undefined ? ids : [bos, ...ids];
  }

  /** Throws 400 for more UTF-16 units of text than the tokens of a full context could stand for. */
  checkText(numUnits: number, param: string): void {
    const { maxPromptText } = this;
    if (numUnits <= maxPromptText) return;
    // So many tokens at least.
    const { contextLength } = this.engine;
    const numTokens = Math.ceil((numUnits / maxPromptText) * contextLength);
    throw badRequest(
      `The prompt has ${numUnits} characters, more than ${contextLength} tokens of context can hold`,
      param,
      'context_length_exceeded',
      { n_prompt_tokens: numTokens, n_ctx: contextLength },
    );
  }

  /** UTF-16 units of the longest text that any route works on. */
  get maxText(): number {
    return this.engine.tokenizer ? Math.max(MAX_TEXT, this.maxPromptText) : MAX_TEXT;
  }

  /** A character of text may become less than it was when the tokenizer composes it (NFC), hence the factor. */
  private get maxPromptText(): number {
    return 2 * this.engine.contextLength * this.tokenizer.longestTokenBytes;
  }

  hasRoomFor(prompt: readonly number[]): boolean {
    return prompt.length < this.engine.contextLength;
  }

  /** The beginning of a text, with all the tokens that a context can hold. */
  cutText(text: string): string {
    return text.length > this.maxPromptText ? text.slice(0, this.maxPromptText) : text;
  }

  /** As many of the first tokens as there is room for. */
  cutTokens(prompt: readonly number[]): readonly number[] {
    return this.hasRoomFor(prompt) ? prompt : prompt.slice(0, this.engine.contextLength - 1);
  }

  /**
   * Throws 400 with the two numbers by which clients shorten their history. LangChain and LiteLLM know this error by
   * "prompt is too long" or "this model's maximum context length is" in the message, the words of Anthropic and OpenAI.
   */
  checkLength(prompt: readonly number[], param: string): void {
    if (this.hasRoomFor(prompt)) return;
    const { contextLength } = this.engine;
    throw badRequest(
      `The prompt is too long: it has ${prompt.length} tokens, and this model's maximum context length is ${contextLength} tokens with the answer`,
      param,
      'context_length_exceeded',
      { n_prompt_tokens: prompt.length, n_ctx: contextLength },
    );
  }
}

/** UTF-16 units of a text other than a prompt. */
const MAX_TEXT = 2 ** 18;

/** Bytes of each tensor that are looked at, at its beginning and at its end. */
const SAMPLE_BYTES = 2048;

/** What the bits of a logit depend on: weights, kernels, and how the cache stores. */
async function fingerprint({ files, backend, program, kvType }: Engine): Promise<string> {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([files.name, files.fileBytes, files.config, kvType]));
  // Reading 100 GB would take minutes; a little of every tensor distinguishes models with the same layout.
  for (const { name, type, shape, source, offset, sizeBytes } of files.tensors.values()) {
    hash.update(`${name} ${type.name} ${shape.join('x')} ${offset}\n`);
    const length = Math.min(SAMPLE_BYTES, sizeBytes);
    hash.update(await source.read(offset, length));
    hash.update(await source.read(offset + sizeBytes - length, length));
  }
  hash.update(backend.kernelId);
  hash.update(String(program.instructions.length));
  return `dots-${hash.digest('hex').slice(0, 16)}`;
}
