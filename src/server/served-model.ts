import { createHash } from 'node:crypto';
import { InternalError } from '../core/errors.ts';
import type { Constraint } from '../engine/constraint/constraint.ts';
import type { ToolChoice } from '../engine/constraint/tool-grammar.ts';
import type { Engine } from '../engine/open.ts';

import { countParameters } from '../model/weights.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import { CallMemory } from '../text/tools/call-memory.ts';
import { ToolCallParser } from '../text/tools/tool-call-parser.ts';
import type { ToolFormatName } from '../text/tools/tool-format.ts';
import { toolSupport } from '../text/tools/tool-messages.ts';
import { ApiError, badRequest } from './api-error.ts';
import { ConstraintCache } from './constraint-cache.ts';
import type { WantedFormat } from './openai/answer-format.ts';

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
  private known: Promise<string> | undefined;
  private hash = '';

  constructor(engine: Engine, name: string, aliases: readonly string[]) {
    this.engine = engine;
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

  /** What the answer has to look like, calls in the model's own form. Throws 400 naming the field for what can't be kept. */
  constraintFor({ spec, param }: WantedFormat): Constraint {
    const own = spec.type === 'tools' ? { ...spec, format: this.toolFormat } : spec;
    return this.constraints.get({ spec: own, param }, this.tokenizer);
  }

  /** For an answer that may call tools. */
  parseCalls(tools: { readonly choice: ToolChoice } | undefined): ToolCallParser | undefined {
    return tools && tools.choice !== 'none' ? new ToolCallParser(this.toolFormat) : undefined;
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

  /** Throws 400 with the two numbers by which clients shorten their history. */
  checkLength(prompt: readonly number[], param: string): void {
    const room = this.engine.contextLength - 1;
    if (prompt.length <= room) return;
    throw badRequest(
      `The prompt has ${prompt.length} tokens, but the context has room for ${room} and an answer`,
      param,
      'context_length_exceeded',
      { n_prompt_tokens: prompt.length, n_ctx: this.engine.contextLength },
    );
  }
}

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
